import { randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The finished invoices: one file an order, named for it. */
export class InvoiceFiles {
  constructor(private readonly directory: string) {}

  /**
   * Files an invoice. Under its name there is either nothing or a whole file, whenever the process dies; filing it
   * again replaces it.
   *
   * @returns the file's name
   */
  async save(orderId: string, pdf: Buffer): Promise<string> {
    const file = `${orderId}.pdf`;
    const unfinished = join(this.directory, `${file}.${randomUUID()}.tmp`);
    await writeFile(unfinished, pdf, { flush: true });
    await rename(unfinished, join(this.directory, file));
    return file;
  }

  /** @returns `null` when there is none */
  async read(orderId: string): Promise<Buffer | null> {
    try {
      return await readFile(join(this.directory, `${orderId}.pdf`));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }
}
