// The model section (law 8): the attack table, then the two bodies, decoded into a slot of model.ts. A refused section
// leaves the slot undefined: it must not serve.

import { ATTACK_BIAS_MAX, ATTACK_WEIGHTS, MODEL_MAX } from "./limits";
import { modelCandidate, modelClear, modelCurrent, modelSetAttackTable } from "./model";
import { modelBodyLoad } from "./model-body";
import {
  FIXED64,
  isField,
  LENGTH,
  readBegin,
  readContent,
  readErrorOffset,
  readField,
  readLength,
  readOk,
  readValue,
  readValue32,
  VARINT,
} from "./read";
import { refuse } from "./refusal";
import { sha256Add, sha256Begin, sha256End } from "./sha256";

const DIGEST = memory.data(32, 8);
/** The bias as it enters the id, i32. */
const BIAS = memory.data(4, 8);

// Fields of the attack table being read; the weights point into the section.
let id: u64 = 0;
let weights: usize = 0;
let weightsLen: i32 = 0;
let bias: i32 = 0;

/** Reads an AttackTable into the variables above; false if it is not readable. */
function readTable(ptr: usize, len: i32): bool {
  id = 0;
  weightsLen = bias = 0;
  readBegin(ptr, len);
  while (readField()) {
    if (isField(1, FIXED64)) id = readValue();
    else if (isField(2, LENGTH)) {
      weights = readContent();
      weightsLen = readLength();
    } else if (isField(3, VARINT)) {
      const zigzag = readValue32();
      bias = <i32>(zigzag >> 1) ^ -(<i32>(zigzag & 1));
    }
  }
  return readOk();
}

/** First 8 bytes of SHA-256 of weights and bias. */
function tableContentId(): u64 {
  store<i32>(BIAS, bias);
  sha256Begin();
  sha256Add(weights, ATTACK_WEIGHTS);
  sha256Add(BIAS, 4);
  sha256End(DIGEST);
  return load<u64>(DIGEST);
}

function checkTable(): bool {
  if (weightsLen != ATTACK_WEIGHTS) return refuse("attack.weights", weightsLen, "32768 bytes");
  if (bias < -ATTACK_BIAS_MAX || bias > ATTACK_BIAS_MAX) return refuse("attack.bias", <u32>bias, "-65536..65536");
  if (id != tableContentId()) return refuse("attack.table_id", id, "SHA-256 of weights and bias");
  return true;
}

function loadTable(section: usize, ptr: usize, len: i32, slot: usize): bool {
  if (ptr == 0) return true;
  if (!readTable(ptr, len)) return refuse("section", <u64>(ptr - section) + readErrorOffset(), "readable");
  if (!checkTable()) return false;
  modelSetAttackTable(slot, weights, bias, id);
  return true;
}

/** Decodes `len` bytes of a ModelSection into `slot`; false if refused, see refusal.ts. */
export function modelLoad(ptr: usize, len: i32, slot: usize): bool {
  if (len > MODEL_MAX) return refuse("section.size", len, "131072 bytes");
  modelClear(slot);
  let current: usize = 0;
  let currentLen = 0;
  let candidate: usize = 0;
  let candidateLen = 0;
  let attack: usize = 0;
  let attackLen = 0;
  readBegin(ptr, len);
  while (readField()) {
    if (isField(1, LENGTH)) {
      current = readContent();
      currentLen = readLength();
    } else if (isField(2, LENGTH)) {
      candidate = readContent();
      candidateLen = readLength();
    } else if (isField(3, LENGTH)) {
      attack = readContent();
      attackLen = readLength();
    }
  }
  if (!readOk()) return refuse("section", readErrorOffset(), "readable");
  if (!loadTable(ptr, attack, attackLen, slot)) return false;
  const attackId = attack == 0 ? 0 : id;
  return (
    modelBodyLoad(ptr, current, currentLen, attackId, modelCurrent(slot)) &&
    modelBodyLoad(ptr, candidate, candidateLen, attackId, modelCandidate(slot))
  );
}
