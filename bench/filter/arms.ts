// Everything that is timed, by name, and the proof that SIMD and scalar build give equal results on all of it.

import { model, modelBody } from "../../test/support/sections.ts";
import {
  caller,
  group,
  method,
  RULE_KINDS,
  RULES,
  type RuleKind,
  route,
  rulesOf,
  SIZES,
  sizedTargets,
  worstTargets,
} from "./inputs.ts";
import { BUILDS, type Build, Law, type Span } from "./law.ts";
import { type Query, rulesLoop, spansLoop } from "./loops.ts";
import type { Arm } from "./measure.ts";

/** What is done with targets of a size. */
export const STEPS = ["extract", "judge"] as const;
/** What is done with bins. */
export const KERNELS = ["score", "momentsAdd"] as const;
/** One call of a function that does next to nothing: what reaching the module costs. */
export const CALL = "call";
/** The two equal arms. */
export const GUARDED = sizeArm("core", "judge", 256);
export const GUARD = `${GUARDED} again`;

const QUERIES = 1024;
/** Bins that the kernels are fed with come from targets of this size. */
const KERNEL_SIZE = 256;

export function sizeArm(build: Build, step: string, size: number): string {
  return `${build} ${step} ${size}`;
}

export const kernelArm = (build: Build, kernel: string): string => `${build} ${kernel}`;
export const worstArm = (name: string, step: "judge" | "explain"): string => `${step} ${name}`;
export const rulesArm = (kind: RuleKind, count: number): string => `rules ${kind} ${count}`;

/** Throws where the builds differ on one of the targets; returns how many were compared. */
export function assertEqual(laws: readonly Law[], targets: readonly string[]): number {
  for (const target of targets) {
    const bytes = Buffer.from(target, "latin1");
    const told = laws.map((law) => {
      const outcome = law.outcome(scratch(law, bytes));
      return JSON.stringify([outcome.flags, [...outcome.bins], [...outcome.second], outcome.score]);
    });
    if (new Set(told).size > 1) throw new Error(`builds differ on ${JSON.stringify(target)}: ${told.join(" ")}`);
  }
  return targets.length;
}

/** A place that is used again by the next caller. */
function scratch(law: Law, bytes: Uint8Array): Span {
  return law.at(law.constant("INPUT"), bytes);
}

export function makeLaws(): Law[] {
  const section = model(modelBody());
  return BUILDS.map((build) => new Law(build, section));
}

/** All arms; `laws` are of both builds. */
export function makeArms(laws: readonly Law[]): Arm[] {
  const [simd] = laws;
  if (simd === undefined) throw new Error("arms: no build");
  const spans = put(simd, sizedTargets(KERNEL_SIZE));
  return [
    { name: CALL, loop: spansLoop(simd, "call", spans) },
    ...laws.flatMap((law) => [...sizeArms(law), ...kernelArms(law)]),
    ...worstArms(simd),
    ...rulesArms(),
    { name: GUARD, loop: spansLoop(simd, "judge", spans) },
  ];
}

function put(law: Law, targets: readonly string[]): Span[] {
  return targets.map((target) => law.put(Buffer.from(target, "latin1")));
}

function sizeArms(law: Law): Arm[] {
  return SIZES.flatMap((size) => {
    const spans = put(law, sizedTargets(size));
    return STEPS.map((step) => ({ name: sizeArm(law.build, step, size), loop: spansLoop(law, step, spans) }));
  });
}

function kernelArms(law: Law): Arm[] {
  const bins = put(law, sizedTargets(KERNEL_SIZE)).map((span) => law.put(law.outcome(span).bins));
  return KERNELS.map((kernel) => ({ name: kernelArm(law.build, kernel), loop: spansLoop(law, kernel, bins) }));
}

function worstArms(law: Law): Arm[] {
  return [...worstTargets()].flatMap(([name, target]) => {
    const spans = put(law, [target]);
    const steps = ["judge", "explain"] as const;
    return steps.map((step) => ({ name: worstArm(name, step), loop: spansLoop(law, step, spans) }));
  });
}

function rulesArms(): Arm[] {
  const kinds = Object.keys(RULE_KINDS) as RuleKind[];
  return kinds.flatMap((kind) =>
    RULES.map((count) => {
      const law = new Law("core", model(modelBody()));
      law.loadRules(rulesOf(kind, count));
      return { name: rulesArm(kind, count), loop: rulesLoop(law, queriesOf(law, kind, count)) };
    }),
  );
}

/** Spread over twice as many callers, routes and scores as have a rule: with many rules, half of them hit. */
function queriesOf(law: Law, kind: RuleKind, count: number): Query[] {
  // Odd, so that all combinations come.
  const step = Math.floor((2 * count) / QUERIES) | 1;
  return Array.from({ length: QUERIES }, (_, query): Query => {
    const i = query * step;
    const keys = [caller(i), method(i), route(kind === "scores" ? 0 : i)].map((text) => law.keyOf(text));
    return { caller: keys[0]!, group: group(i), method: keys[1]!, route: keys[2]!, score: i };
  });
}
