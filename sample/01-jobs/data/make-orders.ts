import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const FIRST = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Alan', 'Radia', 'Donald', 'Frances', 'Tony', 'Margaret'];
const LAST = ['Moreau', 'Okafor', 'Lindqvist', 'Tanaka', 'Costa', 'Novak', 'Haddad', 'Silva', 'Weber', 'Kowalski'];
const ITEMS = ['Desk lamp', 'Office chair', 'Monitor arm', 'Notebook', 'Whiteboard', 'Headset', 'Standing desk'];
const CURRENCIES = ['EUR', 'USD', 'GBP', 'CHF'];

/** Of 200 orders, the one whose currency has no invoice template: it fails at once. */
const WITHOUT_TEMPLATE = 37;
/** Of 200 orders, the one whose mailbox cannot be reached: it fails after all its retries. */
const UNREACHABLE = 73;

/** Makes `count` orders as CSV, the same ones every time. */
export function makeOrders(count: number): string {
  let seed = 20_250_101;
  const below = (limit: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * limit);
  };
  const oneOf = (list: readonly string[]): string => list[below(list.length)] ?? '';

  const lines = ['reference,customer,email,currency,item,quantity,unitPriceCents'];
  for (let row = 0; row < count; row++) {
    const reference = `A-${String(row + 1).padStart(5, '0')}`;
    const [first, last] = [oneOf(FIRST), oneOf(LAST)];
    const host = row % 200 === UNREACHABLE ? 'unreachable.example' : 'mail.example';
    const email = `${first}.${last}.${row + 1}@${host}`.toLowerCase();
    const [usual, item] = [oneOf(CURRENCIES), oneOf(ITEMS)];
    const currency = row % 200 === WITHOUT_TEMPLATE ? 'XTS' : usual;
    lines.push([reference, `${first} ${last}`, email, currency, item, below(12) + 1, 499 + below(45_000)].join(','));
  }
  return `${lines.join('\n')}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  writeFileSync('sample/01-jobs/data/orders.csv', makeOrders(1_000));
}
