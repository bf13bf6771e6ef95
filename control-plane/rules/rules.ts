// Operator rules: made, listed, deleted, expired. A rule is on disk and published before it is told of; its id ascends
// from 1 and is never used again. Past its expiry it is gone here within a second, and at the filters by their own
// clocks, also without us.

import type { Core } from "../core.ts";
import type { Author, Rule, Target } from "../domain.ts";
import { ControlPlaneError } from "../errors.ts";
import type { Observer } from "../events.ts";
import type { Clock } from "../ports/clock.ts";
import type { RuleDraft, RulePreview, Rules, Workloads } from "../seams.ts";
import { appendChange } from "../store/audit.ts";
import {
  MESH_KEY,
  type MeshRecord,
  RULES_PREFIX,
  ruleKey,
  type WorkloadRecord,
  workloadKey,
} from "../store/records.ts";
import type { Store, Transaction } from "../store/store.ts";
import { checkDraft } from "./check.ts";
import { previewRule } from "./preview.ts";

const EXPIRY_CHECK_MS = 1000;
/** Who changes what nobody asked for. An expiry is no change: its time was entered with the rule. */
const OURSELVES: Author = { identity: "control-plane", method: "" };

/** Changes a workload and publishes what follows; see publication.ts. */
export interface Publisher {
  change<T>(target: Target, edit: (transaction: Transaction) => T): Promise<T>;
}

export interface RulesLinks {
  store: Store;
  core: Core;
  clock: Clock;
  publisher: Publisher;
  workloads: Pick<Workloads, "get">;
  observe?: Observer;
}

export class RuleBook implements Rules {
  readonly #links: RulesLinks;
  readonly #rules = new Map<number, Rule>();
  #stop: (() => void) | undefined;
  #expiring = false;

  constructor(links: RulesLinks) {
    this.#links = links;
    for (const { value } of links.store.reader.range<Rule>(RULES_PREFIX)) this.#rules.set(value.id, value);
  }

  /** Looks for expired rules from now on, until `stop`. */
  start(): void {
    this.#stop ??= this.#links.clock.every(EXPIRY_CHECK_MS, () => void this.expire());
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  async create(draft: RuleDraft, author: Author = OURSELVES): Promise<Rule> {
    const { core, clock, publisher } = this.#links;
    checkDraft(draft, core.limits, clock.nowMs());
    const rule = await publisher
      .change(draft.target, (transaction) => {
        const created = { ...draft, id: takeId(transaction), createdAtMs: clock.nowMs() };
        countRules(transaction, draft.target, 1, core.limits.RULES_MAX);
        transaction.put(ruleKey(draft.target, created.id), created);
        appendChange(transaction, created.createdAtMs, author, { resource: `rules/${created.id}`, after: created });
        return created;
      })
      .catch((error: unknown) => {
        throw tooLarge(error);
      });
    this.#rules.set(rule.id, rule);
    return rule;
  }

  get(id: number): Rule | undefined {
    return this.#isOver(id) ? undefined : this.#rules.get(id);
  }

  list(target?: Target): Rule[] {
    const rules = [...this.#rules.values()].filter((rule) => target === undefined || rule.target === target);
    return rules.filter((rule) => !this.#isOver(rule.id)).sort((a, b) => a.id - b.id);
  }

  async delete(id: number, author: Author = OURSELVES): Promise<void> {
    const rule = this.get(id);
    if (rule === undefined) throw notFound(id);
    await this.#remove(rule.target, [id], author);
  }

  preview(draft: RuleDraft): RulePreview {
    const { core, clock, workloads } = this.#links;
    checkDraft(draft, core.limits, clock.nowMs());
    const workload = workloads.get(draft.target);
    if (workload === undefined) {
      throw new ControlPlaneError("NOT_FOUND", `rule.workload: ${draft.target}, there is none`, {
        field: "rule.workload",
      });
    }
    return previewRule(draft.match, workload);
  }

  /**
   * Removes what has expired and publishes; once a second while started. What fails is tried again at the next turn.
   */
  async expire(): Promise<void> {
    if (this.#expiring) return;
    this.#expiring = true;
    try {
      const over = [...this.#rules.values()].filter(({ id }) => this.#isOver(id));
      for (const target of new Set(over.map((rule) => rule.target))) {
        const ids = over.filter((rule) => rule.target === target).map(({ id }) => id);
        await this.#remove(target, ids);
        for (const id of ids) this.#links.observe?.({ kind: "rule-expired", target, id });
      }
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      this.#links.observe?.({ kind: "task-failed", task: "rules.expire", detail });
    } finally {
      this.#expiring = false;
    }
  }

  /** Without an author they expired. */
  async #remove(target: Target, ids: number[], author?: Author): Promise<void> {
    const now = this.#links.clock.nowMs();
    await this.#links.publisher.change(target, (transaction) => {
      const held = ids.filter((id) => transaction.get(ruleKey(target, id)) !== undefined);
      for (const id of held) {
        const before = transaction.get<Rule>(ruleKey(target, id));
        transaction.remove(ruleKey(target, id));
        if (author !== undefined) appendChange(transaction, now, author, { resource: `rules/${id}`, before });
      }
      countRules(transaction, target, -held.length, Number.POSITIVE_INFINITY);
    });
    for (const id of ids) this.#rules.delete(id);
  }

  #isOver(id: number): boolean {
    const rule = this.#rules.get(id);
    return rule !== undefined && rule.expiresAtMs <= this.#links.clock.nowMs();
  }
}

function takeId(transaction: Transaction): number {
  const mesh = transaction.get<MeshRecord>(MESH_KEY);
  if (mesh === undefined) throw new ControlPlaneError("INTERNAL", "store: no record of the mesh");
  transaction.put(MESH_KEY, { ...mesh, nextRuleId: mesh.nextRuleId + 1 });
  return mesh.nextRuleId;
}

function countRules(transaction: Transaction, target: Target, more: number, most: number): void {
  const workload = transaction.get<WorkloadRecord>(workloadKey(target));
  if (workload === undefined) {
    throw new ControlPlaneError("NOT_FOUND", `rule.workload: ${target}, there is none`, { field: "rule.workload" });
  }
  const rules = workload.rules + more;
  if (rules > most) {
    const message = `rule: ${workload.rules} rules at ${target}, at most ${most}`;
    throw new ControlPlaneError("RESOURCE_EXHAUSTED", message, { field: "rule" });
  }
  transaction.put(workloadKey(target), { ...workload, rules });
}

/** A section that became too long by this rule is for the operator what too many rules are. */
function tooLarge(error: unknown): unknown {
  if (!(error instanceof ControlPlaneError) || error.code !== "FAILED_PRECONDITION") return error;
  if (error.field !== "section.size") return error;
  return new ControlPlaneError("RESOURCE_EXHAUSTED", `rule: ${error.message}`, { field: "rule", cause: error });
}

function notFound(id: number): ControlPlaneError {
  return new ControlPlaneError("NOT_FOUND", `name: rules/${id}, there is none`, { field: "name" });
}
