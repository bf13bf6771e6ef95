// Files that are read: certificates and keys. The store has its own way to the disk.

import { readFileSync } from "node:fs";

export interface Files {
  /** The whole file. Throws the error of the system. */
  read(path: string): Buffer;
}

export class SystemFiles implements Files {
  read(path: string): Buffer {
    return readFileSync(path);
  }
}
