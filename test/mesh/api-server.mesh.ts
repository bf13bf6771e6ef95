// Every manifest and every rendering of the chart against a real API server, real Helm and real istioctl: dry runs,
// schema, installation, rights. Nothing runs in this cluster; objects are checked and kept.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseConfig } from "../../control-plane/config.ts";
import { deliver, moduleOf } from "../../envoy/delivery.ts";
import { removeIfKilled } from "../../envoy/process.ts";
import {
  CHART,
  NAMESPACE,
  objectsOf,
  outcomeOf,
  RELEASE,
  RENDERED,
  render,
  renderedManifest,
  setValues,
} from "./chart.ts";
import { AUDIENCE, Cluster } from "./cluster.ts";
import { ApiError, Kubernetes, type Manifest } from "./kubernetes.ts";
import { manifestFiles } from "./manifests.ts";
import { eventually } from "./patience.ts";
import { program, programFile } from "./programs.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
const FILTER = {
  "filter.enabled": true,
  "filter.url": "oci://registry.example.com/vedette/filter:0.1.0",
  "filter.sha256": "a".repeat(64),
};
const EXPOSED = {
  ...{ "operator.exposed": true, "operator.secret.name": "operator-tls" },
  "operator.roles": { admin: ["certificate-uri:spiffe://ops.example/alice"], viewer: ["kubernetes-group:dev"] },
};
const TOKENS = { ...EXPOSED, "operator.secret.clientCa": "", "kubernetes.tokenReview": true };
/** Values that are worth a rendering each. */
const VARIANTS: Record<string, Record<string, unknown>> = {
  defaults: {},
  "cert-manager": { "certificates.source": "certManager" },
  SPIRE: { "certificates.source": "spire" },
  "a Secret": { "certificates.source": "secret" },
  "operators by mTLS": { ...EXPOSED, "networkPolicy.operators": [{ ipBlock: { cidr: "10.0.0.0/8" } }] },
  "operators by Kubernetes tokens": TOKENS,
  "operators by OIDC tokens": {
    ...{ ...EXPOSED, "operator.secret.clientCa": "", "operator.roles": { admin: ["oidc-group:sre"] } },
    "config.OPERATOR_OIDC_ISSUER": "https://id.example.com",
    "config.OPERATOR_OIDC_AUDIENCE": "vedette",
    "config.OPERATOR_OIDC_JWKS": "https://id.example.com/keys",
  },
  "a signing key": { "signingKey.secret": "signing" },
  "a filter by WasmPlugin": FILTER,
  "filters by TrafficExtension": {
    ...FILTER,
    ...{ "filter.kind": "TrafficExtension", "filter.publicKey": "AAAA", "filter.imagePullSecret": "registry" },
    "filter.placements": { server: true, client: true, gateway: true },
  },
  "monitoring, placement": {
    ...{
      "podMonitor.enabled": true,
      "podMonitor.labels": { a: "b" },
    },
    ...{ nodeSelector: { a: "b" }, tolerations: [{ key: "a", operator: "Exists" }], priorityClassName: "high" },
    ...{
      "image.digest": `sha256:${"b".repeat(64)}`,
      "image.pullSecrets": [{ name: "registry" }],
      "storage.className": "fast",
    },
    ...{
      affinity: { nodeAffinity: {} },
      "podDisruptionBudget.maxUnavailable": 0,
      "podAnnotations.a": "b",
      "podLabels.a": "b",
    },
  },
  settings: {
    config: { DEFAULT_MODE: "shadow", DENY_FPR: 0.00001, LEARN_REQUESTS_MIN: 1_000_000_000 },
    bindings: { "shop/web-account": ["shop/web", "shop/*"], "istio-system/gateway": ["istio-system/ingress"] },
  },
};
/** Values that the schema must refuse, and the value it must name. */
const REFUSED: [Record<string, unknown>, RegExp][] = [
  [{ replicas: 2 }, /replicas/],
  [{ "config.SIDECAR_ADDRESS": "0.0.0.0:1" }, /SIDECAR_ADDRESS/],
  [{ "config.lower": "x" }, /lower/],
  [{ "certificates.source": "none" }, /source/],
  [{ "operator.exposed": true }, /operator/],
  [{ ...EXPOSED, "operator.roles": {} }, /roles/],
  [{ ...EXPOSED, "operator.roles": { root: ["oidc-group:sre"] } }, /root/],
  [{ ...EXPOSED, "operator.roles": { admin: ["sre"] } }, /roles/],
  [{ "kubernetes.tokenReview": true }, /operator/],
  [{ "filter.enabled": true }, /filter/],
  [{ ...FILTER, "filter.sha256": "abc" }, /sha256/],
  [{ ...FILTER, "filter.failStrategy": "FAIL" }, /failStrategy/],
  [{ "podDisruptionBudget.maxUnavailable": 2 }, /maxUnavailable/],
  [{ "ports.sidecar": 80 }, /sidecar/],
  [{ bindings: { "no-slash": ["shop/web"] } }, /no-slash/],
];

let folder = "";
let cluster: Cluster;
let admin: Kubernetes;
const helm = (...args: string[]) => outcomeOf(program("helm"), args, { KUBECONFIG: cluster.kubeconfig });

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), "vedette-api-"));
  removeIfKilled(folder);
  cluster = await Cluster.start(folder);
  admin = await Kubernetes.open(cluster.access);
  for (const name of ["istio-crds.yaml", "pod-monitor-crd.yaml", "certificate-crd.yaml"] as const) {
    await admin.define(objectsOf(await readFile(programFile(name), "utf8")));
  }
  for (const name of ["istio-system", NAMESPACE])
    await admin.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
});
test.after(async () => {
  admin?.close();
  await cluster?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Dry runs of all objects, each alone, as kubectl does it; the faults. */
async function faultsOf(objects: readonly Manifest[]): Promise<string[]> {
  const faults: string[] = [];
  for (const object of objects) {
    await admin.apply(object, true).catch((error: Error) => {
      faults.push(`${object.kind} ${object.metadata.name}: ${error.message}`);
    });
  }
  return faults;
}

test("every manifest passes a server-side dry run, as it stands and as it is delivered", async () => {
  const wasm = await readFile(join(ROOT, "filter", "build", "vedette.wasm"));
  const delivered = join(folder, "delivery");
  await deliver(
    wasm,
    moduleOf(wasm, "0.1.0", { by: "image", repository: "registry.example.com/vedette/filter" }),
    delivered,
  );
  const files = [
    ...(await manifestFiles(join(ROOT, "envoy", "istio"))),
    ...(await manifestFiles(join(delivered, "istio"))),
  ];
  assert.ok(files.length >= 15);
  for (const file of files) assert.equal(await faultsOf(objectsOf(await readFile(file, "utf8"))), [], file);
});

test("a dry run notices an unknown field, a wrong enumeration and a missing kind", async () => {
  const [plugin] = objectsOf(await readFile(join(ROOT, "envoy", "istio", "sidecar-wasm-plugin.yaml"), "utf8"));
  const spec = plugin!.spec as Record<string, unknown>;
  for (const change of [{ failStratgy: "FAIL_OPEN" }, { failStrategy: "FAIL" }, { phase: 7 }]) {
    const error = await admin
      .apply({ ...plugin!, spec: { ...spec, ...change } }, true)
      .catch((thrown: unknown) => thrown);
    assert.instance(error, ApiError);
  }
});

for (const [title, values] of Object.entries(VARIANTS)) {
  test(`the chart with ${title} is linted clean, and what it renders passes a server-side dry run`, async () => {
    const { code, said } = await helm("lint", "--strict", CHART, ...setValues(values));
    assert.is(code, 0, said);
    assert.equal(await faultsOf(objectsOf(await render(values))), []);
  });
}

test("the control plane understands the configuration of every rendering", async () => {
  for (const [title, values] of Object.entries(VARIANTS)) {
    const map = objectsOf(await render(values)).find(({ kind, metadata }) => {
      return kind === "ConfigMap" && metadata.name === "control-plane";
    });
    const data = map!.data as Record<string, string>;
    const fault = await Promise.resolve()
      .then(() => parseConfig((name) => data[name], Object.keys(data)))
      .then(
        () => "",
        (error: Error) => error.message,
      );
    assert.is(fault, "", title);
  }
});

test("the schema refuses values out of bounds, by name", async () => {
  for (const [values, named] of REFUSED) {
    const error = await render(values).then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    assert.ok(error, `${JSON.stringify(values)} was rendered`);
    assert.match(error.message, named);
  }
});

test("the container has no rights, whatever the values: no root, nothing writable, no capabilities", async () => {
  for (const [title, values] of Object.entries(VARIANTS)) {
    const set = objectsOf(await render(values)).find(({ kind }) => kind === "StatefulSet");
    const { replicas, template } = set!.spec as { replicas: number; template: { spec: PodSpec } };
    assert.is(replicas, 1, title);
    assert.is(template.spec.securityContext.runAsNonRoot, true, title);
    for (const container of [...template.spec.containers, ...(template.spec.initContainers ?? [])]) {
      assert.equal(container.securityContext, SECURED, `${title}: ${container.name}`);
    }
  }
});

interface PodSpec {
  securityContext: { runAsNonRoot: boolean };
  containers: { name: string; securityContext: unknown }[];
  initContainers?: { name: string; securityContext: unknown }[];
}
const SECURED = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } };

test("envoy/istio/control-plane.yaml is what the chart renders", async () => {
  const wanted = await renderedManifest();
  assert.is(await readFile(RENDERED, "utf8"), wanted, "write it again: node --import tsx test/mesh/write.ts");
});

test("the chart installs, upgrades and uninstalls, and grants no right beyond those asked for", async () => {
  const release = [RELEASE, CHART, "--namespace", NAMESPACE];
  const done = async (...args: string[]) => {
    const { code, said } = await helm(...args);
    assert.is(code, 0, said);
  };
  await done("install", ...release);
  const account = admin.as(await admin.tokenOf(NAMESPACE, "control-plane", AUDIENCE));
  // The API server learns of a binding a moment after it was taken.
  const has = (rights: string[]) =>
    eventually(`exactly the rights [${rights}]`, async () => String(await rightsOf(account)) === String(rights));
  await has([]);
  await done("upgrade", ...release, ...setValues({ ...FILTER, ...TOKENS }));
  await has(["create tokenreviews"]);
  assert.ok(await admin.get("extensions.istio.io/v1alpha1", "WasmPlugin", "vedette-server", "istio-system"));
  await done("upgrade", ...release, "--reset-values");
  await has([]);
  assert.not(await admin.get("extensions.istio.io/v1alpha1", "WasmPlugin", "vedette-server", "istio-system"));
  await done("uninstall", RELEASE, "--namespace", NAMESPACE);
  for (const [apiVersion, kind] of [
    ["apps/v1", "StatefulSet"],
    ["v1", "Service"],
    ["v1", "ConfigMap"],
  ] as const) {
    assert.not(await admin.get(apiVersion, kind, "control-plane", NAMESPACE), kind);
  }
});

/** Of what a control plane might want, what it may. */
async function rightsOf(account: Kubernetes): Promise<string[]> {
  const asked: [string, string, string][] = [
    ...["get", "list", "watch", "create", "delete", "patch"].map(
      (verb) => [verb, "", "pods"] as [string, string, string],
    ),
    ["create", "authentication.k8s.io", "tokenreviews"],
    ...["get", "list"].map((verb) => [verb, "", "secrets"] as [string, string, string]),
    ["list", "", "nodes"],
    ["patch", "security.istio.io", "authorizationpolicies"],
    ["patch", "extensions.istio.io", "wasmplugins"],
    ["escalate", "rbac.authorization.k8s.io", "clusterroles"],
  ];
  const rights: string[] = [];
  for (const [verb, group, resource] of asked)
    if (await account.may(verb, group, resource)) rights.push(`${verb} ${resource}`);
  return rights;
}

test("istioctl analyze and validate have nothing to say of the manifests, and have of broken ones", async () => {
  const all = await manifestFiles(join(ROOT, "envoy", "istio"));
  const files = all.filter((file) => !file.endsWith("pod-monitor.yaml"));
  const settings = objectsOf(await readFile(join(ROOT, "envoy", "istio", "mesh-config.yaml"), "utf8"))[0]!;
  const meshConfig = join(folder, "mesh.yaml");
  await writeFile(meshConfig, JSON.stringify(settings.meshConfig));
  const istioctl = (...args: string[]) => outcomeOf(program("istioctl"), args);
  const analyze = ["analyze", "--use-kube=false", "--meshConfigFile", meshConfig];
  const clean = await istioctl(...analyze, ...files);
  assert.is(clean.code, 0, clean.said);
  assert.match(clean.said, /No validation issues found/);
  const text = await readFile(files.find((file) => file.endsWith("sidecar-wasm-plugin.yaml"))!, "utf8");
  const broken = join(folder, "broken.yaml");
  await writeFile(broken, text.replace("AUTHZ", "NEVER"));
  assert.is.not((await istioctl(...analyze, broken)).code, 0);
  await writeFile(broken, text.replace("oci://", "ftp://"));
  assert.match((await istioctl("validate", "-f", broken)).said, /unsupported scheme/);
  const plugins = files.filter((file) => /plugin|extension/.test(file));
  for (const file of plugins) assert.is((await istioctl("validate", "-f", file)).code, 0, file);
});

test.run();
