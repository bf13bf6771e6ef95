// The demo's events in words: lines that stay, and on a terminal one status line below them that is written over. Where
// stdout is no terminal, the status is a line of its own whenever a workload's state changes. Content of others
// (routes, callers, reasons) is printed with control characters escaped.

import { createColors } from "picocolors";
import { curlLine } from "./attacks.ts";
import type { DemoEvent, Reporter } from "./events.ts";

type Learning = Extract<DemoEvent, { event: "learning" }>;
type Protecting = Extract<DemoEvent, { event: "protecting" }>;
type Listening = Extract<DemoEvent, { event: "listening" }>;

export interface TerminalOptions {
  write: (text: string) => void;
  /** Columns of the terminal; 0 where there is none. */
  columns: () => number;
  color: boolean;
}

export class TerminalReporter implements Reporter {
  private readonly states = new Map<string, Learning>();
  private status = "";
  private protecting = false;
  private readonly color;

  constructor(private readonly options: TerminalOptions) {
    this.color = createColors(options.color);
  }

  tell(event: DemoEvent): void {
    const { bold, dim, green, red, yellow } = this.color;
    switch (event.event) {
      case "started":
        this.lines([
          `${bold("started")}  control plane, operator API ${event.controlPlane.operator}`,
          `         Envoy before ${event.proxies.map(({ name }) => name).join(", ")}`,
          dim(
            `         demo thresholds: ${Object.entries(event.thresholds)
              .map(([name, value]) => `${name} ${value}`)
              .join(", ")}`,
          ),
          dim(`         logs in ${event.folder}`),
        ]);
        break;
      case "learning":
        this.learning(event);
        break;
      case "model":
        this.lines([
          `${bold("model")}    ${event.workload}: version ${event.version}, ${event.digest.slice(0, 12)}, ` +
            `alerts from score ${inUnits(event.alertThreshold)}, denies from ${inUnits(event.denyThreshold)} ` +
            `(${event.confidence})`,
        ]);
        break;
      case "protecting":
        this.protect(event);
        break;
      case "listening":
        this.listen(event);
        break;
      case "denied": {
        const verdict = event.verdict === "deny" ? red("denied") : yellow("would deny");
        const route = event.route || "(a route not named yet)";
        this.lines([
          `${verdict}   ${event.workload} ${printable(route)}`,
          `         from ${printable(event.caller)}, request ${event.requestId}`,
          `         ${printable(event.reason)}`,
        ]);
        break;
      }
      case "note":
        this.lines([dim(event.message)]);
        break;
      case "failed":
        this.lines([`${red("failed")}   ${event.message}`]);
        break;
      case "stopped":
        this.lines([`${green("stopped")}  nothing is left running`]);
    }
  }

  private learning(event: Learning): void {
    const before = this.states.get(event.workload);
    this.states.set(event.workload, event);
    if (this.options.columns() > 0) this.show(this.statusLine());
    else if (before?.confidence !== event.confidence || before.mode !== event.mode) this.lines([summary(event)]);
  }

  private statusLine(): string {
    const parts = [...this.states.values()].map((state) => {
      const name = state.workload.split("/").at(-1);
      if (this.protecting) return `${name} ${state.mode} ${count(state.seen)} seen`;
      // gRPC is counted, not learnt from.
      if (state.learnt === 0 && state.seen > 0) return `${name} ${count(state.seen)} seen`;
      return `${name} ${state.confidence} ${count(state.learnt)} learnt, ${count(state.scored)} scored`;
    });
    return parts.join(" | ");
  }

  private protect(event: Protecting): void {
    const { bold, dim, green, red } = this.color;
    this.protecting = true;
    const after = (event.afterMs / 1000).toFixed(1);
    const normal = event.try.filter(({ expect }) => expect < 400);
    const attacks = event.try.filter(({ expect }) => expect >= 400);
    this.lines([
      "",
      `${bold(green("protecting"))} ${event.workloads.join(", ")} (mode enforce), ${after} s after the start.`,
      "",
      "A normal request passes:",
      ...normal.flatMap((trial) => [`  ${dim(`# ${trial.title}: ${trial.expect}`)}`, `  ${curlLine(trial)}`]),
      "Attacks are denied, and the reasons appear below:",
      ...attacks.flatMap((trial) => [
        `  ${dim(`# ${trial.title}:`)} ${red(String(trial.expect))}`,
        `  ${curlLine(trial)}`,
      ]),
      ...event.notYet.map(({ title, expected, got }) => {
        return `  ${dim(`# not shown: ${title} was answered ${got || "not at all"} instead of ${expected}`)}`;
      }),
      "",
      `operator API ${event.operator} (gRPC, plaintext, loopback only), metrics ${event.metrics}`,
      `access log of web: ${event.accessLogs.web}`,
      "Ctrl-C stops everything.",
      "",
    ]);
  }

  private listen(event: Listening): void {
    const { bold, green } = this.color;
    this.lines([
      "",
      `${bold(green("listening"))} ${event.url} is a sidecar before your service (${event.workload}), mode learn.`,
      "Send it your normal traffic. When its state says confident (or insufficient-callers), change the mode:",
      ...Object.entries(event.setMode).map(([mode, command]) => `  ${mode.padEnd(8)} ${command}`),
      "shadow counts and tells what enforce would deny.",
      "",
      `operator API ${event.operator} (gRPC, plaintext, loopback only), metrics ${event.metrics}`,
      ...Object.entries(event.accessLogs).map(([name, file]) => `access log of ${name}: ${file}`),
      "Ctrl-C stops everything.",
      "",
    ]);
  }

  /** Lines that stay, above the status line. */
  private lines(lines: string[]): void {
    const clear = this.status ? "\r\x1b[2K" : "";
    this.options.write(`${clear}${lines.join("\n")}\n${this.status}`);
  }

  private show(status: string): void {
    const width = this.options.columns();
    this.status = this.color.dim(status.length < width ? status : `${status.slice(0, Math.max(0, width - 2))}…`);
    this.options.write(`\r\x1b[2K${this.status}`);
  }
}

function summary(event: Learning): string {
  const { workload, confidence, mode, learnt, detail } = event;
  return `learning ${workload}: ${confidence}, mode ${mode}, ${count(learnt)} learnt, ${detail}`;
}

function count(number: number): string {
  return number.toLocaleString("en");
}

/** Scores travel in 1/256. */
function inUnits(score: number): string {
  return (score / 256).toFixed(1);
}

/** Control characters as \\xNN: what a caller sent is shown, not obeyed. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
