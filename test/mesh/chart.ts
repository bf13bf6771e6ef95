// Helm on the chart: rendering, and what is rendered for the repository (envoy/istio/control-plane.yaml).

import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { parseAllDocuments } from "yaml";
import type { Manifest } from "./kubernetes.ts";
import { program } from "./programs.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
export const CHART = resolve(ROOT, "envoy", "helm", "vedette");
export const RELEASE = "vedette";
export const NAMESPACE = "vedette";
export const RENDERED = resolve(ROOT, "envoy", "istio", "control-plane.yaml");
const HEADER = `# The control plane, for meshes without Helm: the chart with its own values, certificates from
# Istio's authority. Put your image in.
# Not written by hand: node --import tsx test/mesh/write.ts
#   helm template ${RELEASE} envoy/helm/vedette --namespace ${NAMESPACE}
---
apiVersion: v1
kind: Namespace
metadata:
  name: ${NAMESPACE}
`;
const execute = promisify(execFile);

export interface Outcome {
  code: number;
  /** Standard output, then standard error. */
  said: string;
  stdout: string;
}

/** Runs a program to its end, whatever that is. `env` is added to the environment. */
export async function outcomeOf(command: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const options = { env: { ...process.env, ...env }, timeout: 120_000, maxBuffer: 16 << 20 };
  return await execute(command, args, options).then(
    ({ stdout, stderr }) => ({ code: 0, said: stdout + stderr, stdout }),
    (error: { code?: number; stdout?: string; stderr?: string; message: string }) => ({
      code: error.code ?? -1,
      said: `${error.stdout ?? ""}${error.stderr ?? ""}` || error.message,
      stdout: error.stdout ?? "",
    }),
  );
}

/** `--set-json` for each value, by its path in the chart's values. */
export function setValues(values: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(values).flatMap(([path, value]) => ["--set-json", `${path}=${JSON.stringify(value)}`]);
}

/** The chart with these values; throws with what Helm says. */
export async function render(values: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const args = ["template", RELEASE, CHART, "--namespace", NAMESPACE, ...setValues(values)];
  const { code, said, stdout } = await outcomeOf(program("helm"), args);
  if (code !== 0) throw new Error(`helm template: ${said}`);
  return stdout;
}

/** What envoy/istio/control-plane.yaml has to be. */
export async function renderedManifest(): Promise<string> {
  return `${HEADER}${await render()}`;
}

/** The objects of a YAML stream; throws on one that is no YAML. */
export function objectsOf(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    if ("errors" in document && document.errors[0]) throw document.errors[0];
    const value = (document as { toJS(): unknown }).toJS() as Manifest | null;
    return value === null ? [] : [value];
  });
}
