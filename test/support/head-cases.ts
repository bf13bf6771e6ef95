// Model sections with an attack table, contexts, kinds and routes: one for each refusal of the law's table that is
// about them, what must be accepted just before each bound, and one small section with all of them.

import { contextBytes, kindBytes, routeBytes, testTable } from "./heads.ts";
import { Prng } from "./prng.ts";
import { attackTable, model, modelBody } from "./sections.ts";

interface Case {
  name: string;
  bytes: Uint8Array;
}

interface Refusal extends Case {
  field: string;
  /** What is told as the value; absent where the law leaves it open. */
  value?: bigint;
}

const { weights, bias } = testTable(new Prng(77));
const table = attackTable(weights, bias);
const other = attackTable(weights, bias + 1);

const row = { key: 9n, base: -5, classes: 2047, shortest: 3, longest: 7, classSurprise: 200, lengthSurprise: 99 };
const kinds = kindBytes([
  { base: 40, nameSurprise: 200 },
  { base: -32768, nameSurprise: 0 },
  { base: 32767, nameSurprise: 255 },
  { base: -1, nameSurprise: 70 },
]);
const contexts = contextBytes([row, { ...row, key: 2n ** 64n - 1n, shortest: 24, longest: 24 }]);
const routes = routeBytes([1n, 9n, 2n ** 64n - 1n]);
const heads = { contexts, kinds, routes, structureBase: 12 };
const manyRoutes = (count: number) => routeBytes(Array.from({ length: count }, (_, i) => BigInt(i + 1)));
const many = (count: number) => contextBytes(Array.from({ length: count }, (_, i) => ({ ...row, key: BigInt(i + 1) })));
const withTable = (changes: Parameters<typeof modelBody>[0], seed = 5) =>
  modelBody({ attackId: table.tableId, ...changes }, seed);
const rows = (...list: Partial<typeof row>[]) => contextBytes(list.map((changes) => ({ ...row, ...changes })));

/** Fills a body to its last byte. */
const FULL = { contexts: many(1024), kinds, routes: manyRoutes(1024), structureBase: 7 };

/** Model sections that must be accepted. */
export const HEADS_ACCEPTED: readonly Case[] = [
  { name: "kinds and contexts without a table", bytes: model(modelBody(heads)) },
  { name: "kinds without contexts", bytes: model(modelBody({ kinds })) },
  { name: "routes without contexts", bytes: model(modelBody({ kinds, routes })) },
  { name: "contexts without routes", bytes: model(modelBody({ kinds, contexts })) },
  { name: "as many routes as there may be", bytes: model(modelBody({ kinds, routes: manyRoutes(1024) })) },
  { name: "a table without a body", bytes: model(undefined, undefined, table) },
  { name: "a table and a body without heads", bytes: model(withTable({}), undefined, table) },
  { name: "a table and both bodies", bytes: model(withTable(heads), withTable(heads, 6), table) },
  {
    name: "two bodies of as many contexts and routes as there may be, and a table",
    bytes: model(withTable(FULL), withTable(FULL, 6), table),
  },
  { name: "as many contexts as there may be", bytes: model(modelBody({ contexts: many(1024), kinds })) },
  {
    name: "a context of every length",
    bytes: model(modelBody({ contexts: rows({ shortest: 0, longest: 24 }), kinds })),
  },
  { name: "a context without an upper length", bytes: model(modelBody({ contexts: rows({ longest: 255 }), kinds })) },
  { name: "the highest structure base", bytes: model(modelBody({ ...heads, structureBase: 255 })) },
  ...[-65_536, 65_536].map((bound) => ({
    name: `an attack bias of ${bound}`,
    bytes: model(undefined, undefined, attackTable(weights, bound)),
  })),
];

const contextRefusals: Refusal[] = [
  ...[1, 15, 17].map((length) => ({
    name: `contexts of ${length} bytes`,
    bytes: model(modelBody({ contexts: contexts.slice(0, length), kinds })),
    field: "model.contexts",
    value: BigInt(length),
  })),
  ...(
    [
      ["a context too many", many(1025), 16_400n],
      ["a context of key 0", rows({ key: 0n })],
      ["equal contexts", rows({}, {})],
      ["descending contexts", rows({ key: 9n }, { key: 8n })],
      ["contexts that descend as unsigned numbers", rows({ key: 2n ** 63n }, { key: 2n ** 63n - 1n })],
      ["a shortest length above the longest", rows({ shortest: 8 })],
      ["a shortest length of 25", rows({ shortest: 25, longest: 30 })],
      ["a class of bit 11", rows({ classes: 2048 })],
      ["a bad context behind a good one", rows({}, { key: 10n, classes: 65_535 })],
    ] as [string, Uint8Array, bigint?][]
  ).map(([name, blob, value]) => ({
    name,
    bytes: model(modelBody({ contexts: blob, kinds })),
    field: "model.contexts",
    ...(value !== undefined && { value }),
  })),
];

const routeRefusals: Refusal[] = (
  [
    ["routes of 1 byte", routes.slice(0, 1), 1n],
    ["routes of 7 bytes", routes.slice(0, 7), 7n],
    ["routes of 9 bytes", routes.slice(0, 9), 9n],
    ["a route too many", manyRoutes(1025), 8200n],
    ["a route of key 0", routeBytes([0n])],
    ["equal routes", routeBytes([9n, 9n])],
    ["descending routes", routeBytes([9n, 8n])],
    ["routes that descend as unsigned numbers", routeBytes([2n ** 63n, 2n ** 63n - 1n])],
    ["a bad route behind good ones", routeBytes([1n, 9n, 10n, 10n])],
  ] as [string, Uint8Array, bigint?][]
).map(([name, blob, value]) => ({
  name,
  bytes: model(modelBody({ kinds, routes: blob })),
  field: "model.routes",
  ...(value !== undefined && { value }),
}));

const tableRefusal = (name: string, changed: Parameters<typeof attackTable>[2], field: string): Refusal => ({
  name,
  bytes: model(modelBody({ clip: new Uint8Array(1) }), undefined, { ...table, ...changed }),
  field,
});

/** One case at least for each row of the law's table about the heads; a bad table comes before a bad body. */
export const HEADS_REFUSED: readonly Refusal[] = [
  ...contextRefusals,
  ...routeRefusals,
  { name: "contexts without kinds", bytes: model(modelBody({ contexts })), field: "model.kinds", value: 0n },
  { name: "routes without kinds", bytes: model(modelBody({ routes })), field: "model.kinds", value: 0n },
  ...[1, 12, 15, 17].map((length) => ({
    name: `kinds of ${length} bytes`,
    bytes: model(modelBody({ kinds: new Uint8Array(length) })),
    field: "model.kinds",
    value: BigInt(length),
  })),
  ...[256, 2 ** 32 - 1].map((structureBase) => ({
    name: `a structure base of ${structureBase}`,
    bytes: model(modelBody({ ...heads, structureBase })),
    field: "model.structure_base",
    value: BigInt(structureBase),
  })),
  { name: "an attack id without a table", bytes: model(withTable(heads)), field: "model.attack_id" },
  { name: "no attack id beside a table", bytes: model(modelBody(heads), undefined, table), field: "model.attack_id" },
  { name: "another table's id", bytes: model(withTable(heads), undefined, other), field: "model.attack_id" },
  {
    name: "a candidate of another table",
    bytes: model(withTable(heads), modelBody({ attackId: other.tableId }), table),
    field: "model.attack_id",
    value: other.tableId,
  },
  { name: "a bad attack id and a bad model id", bytes: model(withTable({ modelId: 1n })), field: "model.attack_id" },
  {
    name: "bad contexts and bad kinds",
    bytes: model(modelBody({ contexts: rows({ key: 0n }) })),
    field: "model.contexts",
  },
  {
    name: "bad kinds and bad routes",
    bytes: model(modelBody({ routes: routeBytes([0n]) })),
    field: "model.kinds",
  },
  {
    name: "bad routes and a bad structure base",
    bytes: model(modelBody({ kinds, routes: routeBytes([0n]), structureBase: 256 })),
    field: "model.routes",
  },
  ...(["contexts", "kinds", "routes", "structureBase"] as const).map((changed) => ({
    name: `a model id of other ${changed}`,
    bytes: model({
      ...modelBody(heads),
      [changed]: { contexts: many(3), kinds: new Uint8Array(16), routes: manyRoutes(3), structureBase: 13 }[changed],
    }),
    field: "model.model_id",
  })),
  ...[0, 32_767, 32_769].map((length) =>
    tableRefusal(`${length} attack weights`, { weights: new Uint8Array(length) }, "attack.weights"),
  ),
  ...[-65_537, 65_537, -(2 ** 31), 2 ** 31 - 1].map((bound) =>
    tableRefusal(`an attack bias of ${bound}`, { bias: bound }, "attack.bias"),
  ),
  tableRefusal("an attack table of id 0", { tableId: 0n }, "attack.table_id"),
  tableRefusal("an attack table of another bias", { bias: bias + 1 }, "attack.table_id"),
  tableRefusal("an attack table of another id", { tableId: other.tableId }, "attack.table_id"),
];

/** Heads without the large table, which would make damaging every bit slow. */
export const HEADS_SAMPLE = heads;
