// Sections made with protobuf-es for tests of the filter's own reader. Each maker gives a good section, but for the
// changes asked for.

import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type AttackTableSchema,
  type ModelBodySchema,
  ModelSectionSchema,
  type RuleBodySchema,
  RulesSectionSchema,
  SettingsSectionSchema,
} from "../../control-plane/gen/vedette/v1/model_pb.ts";
import { type ModelContent, modelIdOf, tableIdOf } from "../reference/sections.ts";
import { type ModelBytes, modelBytes, testModels } from "./models.ts";

export type SectionName = "settings" | "model" | "rules";
type Settings = MessageInitShape<typeof SettingsSectionSchema>;
type Body = MessageInitShape<typeof ModelBodySchema>;
type Table = MessageInitShape<typeof AttackTableSchema>;
type Rule = MessageInitShape<typeof RuleBodySchema>;

export const hashKey = { id: 7, key: Uint8Array.from({ length: 16 }, (_, i) => 16 - i) };

/** A settings section, good but for the changes. */
export function settings(changes: Settings = {}): Uint8Array {
  const good = { mode: 4, hashKeys: [hashKey], windowMs: 60_000, pulseMs: 2_000, oversize: 1 };
  return toBinary(SettingsSectionSchema, create(SettingsSectionSchema, { ...good, ...changes }));
}

const NONE = new Uint8Array(0);
const SILENT = { contexts: NONE, kinds: NONE, routes: NONE, structureBase: 0, attackId: 0n };

/** The id that the law asks for; what is not given of the two other heads is empty. */
export function idOf(body: ModelBytes & Partial<ModelContent>): bigint {
  return modelIdOf({ ...SILENT, ...body });
}

/** An attack table, good but for the changes; its id follows its content unless it is changed too. */
export function attackTable(
  weights: ArrayLike<number>,
  bias: number,
  changes: Table = {},
): Table & { tableId: bigint } {
  const bytes = Uint8Array.from(Int8Array.from(weights));
  return { tableId: tableIdOf(bytes, bias), weights: bytes, bias, ...changes } as Table & { tableId: bigint };
}

/** A model body, good but for the changes; its id follows its content unless it is changed too. */
export function modelBody(changes: Body = {}, seed = 5): Body {
  const blobs = { ...modelBytes(testModels(seed, 1)[0]!), ...changes };
  return { modelId: idOf(blobs), alertThreshold: 2000, denyThreshold: 5000, ...blobs };
}

export function model(current: Body | undefined, candidate?: Body, attack?: Table): Uint8Array {
  const bodies = { ...(current && { current }), ...(candidate && { candidate }), ...(attack && { attack }) };
  return toBinary(ModelSectionSchema, create(ModelSectionSchema, bodies));
}

/** A rule, good but for the changes. */
export function rule(changes: Rule = {}): Rule {
  return { id: 1n, action: 2, method: "PUT", expiresAtMs: 1_800_000_000_000n, ...changes };
}

export function rules(...bodies: Rule[]): Uint8Array {
  return toBinary(RulesSectionSchema, create(RulesSectionSchema, { rules: bodies }));
}

/** A field no message has, of `length` bytes: it is skipped, but counts for the size. */
function padding(length: number): Uint8Array {
  const padded = Buffer.alloc(length);
  padded.set([
    0xfa,
    0x7f,
    ...[0, 7, 14, 21].map((shift) => (((length - 6) >> shift) & 0x7f) | (shift < 21 ? 0x80 : 0)),
  ]);
  return padded;
}

/** A section made larger by an unknown field, without a change of its meaning. */
export function padTo(section: Uint8Array, length: number): Uint8Array {
  return Uint8Array.from(Buffer.concat([section, padding(length - section.length)]));
}

/** A varint, of a number modulo 2^64. */
export function varint(value: bigint): number[] {
  const rest = BigInt.asUintN(64, value);
  return rest < 128n ? [Number(rest)] : [Number(rest & 127n) | 128, ...varint(rest >> 7n)];
}

/** A field of any number and wire type, with the bytes that follow its tag. */
export function tagged(number: number, wire: number, content: readonly number[]): number[] {
  return [...varint(BigInt(number * 8 + wire)), ...content];
}

/** A field of bytes. */
export function delimited(number: number, content: ArrayLike<number>): number[] {
  return tagged(number, 2, [...varint(BigInt(content.length)), ...Array.from(content)]);
}
