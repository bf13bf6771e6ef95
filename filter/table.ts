// Bounded tables of rows found by a 64-bit key: open addressing over an index of row numbers. Rows lie close
// together in the order of their coming; they are removed only by a sweep, which rebuilds the index. Key 0 is that
// of an overflow row, if a table has one: it is added first and stays row 0.

/** A table's descriptor: where its rows and its index are. The index has `mask + 1` u16. */
@unmanaged
export class Table {
  rows: usize = 0;
  index: usize = 0;
  stride: u32 = 0;
  capacity: u32 = 0;
  mask: u32 = 0;
  used: u32 = 0;
}

/** Binds a descriptor to its memory. `indexSize` is a power of 2 and at least twice `capacity`. For module start. */
export function bindTable(at: usize, rows: usize, stride: u32, capacity: u32, index: usize, indexSize: u32): Table {
  if (indexSize < 2 * capacity || (indexSize & (indexSize - 1)) != 0) unreachable();
  const table = changetype<Table>(at);
  table.rows = rows;
  table.stride = stride;
  table.capacity = capacity;
  table.index = index;
  table.mask = indexSize - 1;
  return table;
}

/** Address of row `i`. */
export function rowAt(table: Table, i: u32): usize {
  return table.rows + <usize>(i * table.stride);
}

/** Place in the index of a key, or of the gap where it belongs. Keys are hashes: their low bits are a position. */
function place(table: Table, key: u64): usize {
  let position = <u32>key & table.mask;
  for (let probes: u32 = 0; probes <= table.mask; probes++) {
    const at = table.index + ((<usize>position) << 1);
    const number = load<u16>(at);
    if (number == 0 || load<u64>(rowAt(table, number - 1)) == key) return at;
    position = (position + 1) & table.mask;
  }
  return 0;
}

/** The row with this key, or 0. */
export function findRow(table: Table, key: u64): usize {
  const at = place(table, key);
  const number: u32 = at == 0 ? 0 : load<u16>(at);
  return number == 0 ? 0 : rowAt(table, number - 1);
}

/** A new, zeroed row for a key that is not there; 0 if the table is full. */
export function addRow(table: Table, key: u64): usize {
  if (table.used >= table.capacity) return 0;
  const at = place(table, key);
  if (at == 0) return 0;
  const row = rowAt(table, table.used++);
  memory.fill(row, 0, table.stride);
  store<u64>(row, key);
  store<u16>(at, <u16>table.used);
  return row;
}

/** Forgets all rows. */
export function clearTable(table: Table): void {
  table.used = 0;
  memory.fill(table.index, 0, (<usize>table.mask + 1) << 1);
}

/** Whether rows that nobody asks for should make room. */
export function isCrowded(table: Table): bool {
  return 4 * table.used > 3 * table.capacity;
}

/** Moves row `from` to place `to`, for a sweep. */
export function moveRow(table: Table, to: u32, from: u32): void {
  if (to != from) memory.copy(rowAt(table, to), rowAt(table, from), table.stride);
}

/** Ends a sweep that kept the first `used` rows: makes their index anew. */
export function endSweep(table: Table, used: u32): void {
  memory.fill(table.index, 0, (<usize>table.mask + 1) << 1);
  table.used = used;
  for (let i: u32 = 0; i < used; i++) {
    const at = place(table, load<u64>(rowAt(table, i)));
    if (at != 0 && load<u16>(at) == 0) store<u16>(at, <u16>(i + 1));
  }
}
