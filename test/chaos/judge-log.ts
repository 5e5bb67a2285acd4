import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** A line that a worker process wrote, outside the store. */
export interface JudgeLine {
  /** `accepted`: the store took the completion of this attempt. */
  readonly event: 'start' | 'end' | 'accepted';
  readonly id: string;
  readonly attempt: number;
  /** The worker id that the attempt was claimed under. */
  readonly lease: string;
  readonly pid: number;
  /** Epoch milliseconds of this machine. */
  readonly at: number;
  /** Of a start: the number of the job. */
  readonly n?: number;
  /** Of an end. */
  readonly how?: 'returned' | 'threw';
}

/** Everything that was noted, of all processes. The last line of one that was killed may be torn, and is left out. */
export async function readJudgeLog(folder: string): Promise<readonly JudgeLine[]> {
  const lines: JudgeLine[] = [];
  for (const name of await readdir(folder)) {
    if (!name.startsWith('judge-')) continue;
    const text = await readFile(join(folder, name), 'utf8');
    for (const [index, line] of text.split('\n').slice(0, -1).entries()) {
      try {
        lines.push(JSON.parse(line) as JudgeLine);
      } catch (cause) {
        throw new Error(`${name}, line ${index + 1} cannot be read: ${line}`, { cause });
      }
    }
  }
  return lines;
}
