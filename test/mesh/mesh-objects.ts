// The objects that make two processes on this machine workloads of a mesh, without iptables: an inbound listener of
// app's sidecar on 127.0.0.1, app and the control plane as services at 127.0.0.1, and mTLS everywhere.

import { spiffeIdOf } from "../../envoy/certificates.ts";
import type { Manifest } from "./kubernetes.ts";

export interface MeshPorts {
  /** Where the control plane listens for sidecars. */
  plane: number;
  /** Where the workload app listens. */
  upstream: number;
  /** Of app's sidecar, for other sidecars. */
  inbound: number;
  /** Of web's sidecar, for web: the port of the service app. */
  service: number;
  /** Of the ingress gateway. */
  edge: number;
}

/** The port that manifests and chart name. */
const PLANE_PORT = 15_051;
const PLANE_HOST = "control-plane.vedette.svc.cluster.local";

export function meshObjects(ports: MeshPorts): Manifest[] {
  const networking = "networking.istio.io/v1";
  const http = { protocol: "HTTP", name: "http" };
  const ingress = {
    port: { number: ports.inbound, ...http },
    bind: "127.0.0.1",
    defaultEndpoint: `127.0.0.1:${ports.upstream}`,
  };
  const sidecar = (name: string, namespace: string, spec: object): Manifest => ({
    apiVersion: networking,
    kind: "Sidecar",
    metadata: { name, namespace },
    spec: { workloadSelector: { labels: { app: name } }, ...spec },
  });
  const service = (name: string, namespace: string, host: string, port: object, san: string): Manifest => ({
    apiVersion: networking,
    kind: "ServiceEntry",
    metadata: { name, namespace },
    spec: {
      hosts: [host],
      location: "MESH_INTERNAL",
      resolution: "STATIC",
      ports: [port],
      endpoints: [{ address: "127.0.0.1" }],
      subjectAltNames: [san],
    },
  });
  return [
    {
      apiVersion: "security.istio.io/v1",
      kind: "PeerAuthentication",
      metadata: { name: "strict", namespace: "shop" },
      spec: { mtls: { mode: "STRICT" } },
    },
    sidecar("app", "shop", { ingress: [ingress], egress: [{ hosts: [`vedette/${PLANE_HOST}`] }] }),
    sidecar("web", "shop", { egress: [{ hosts: ["./app.mesh.internal", `vedette/${PLANE_HOST}`] }] }),
    sidecar("control-plane", "vedette", { egress: [{ hosts: ["istio-system/*"] }] }),
    service(
      ...(["app", "shop", "app.mesh.internal"] as const),
      { number: ports.service, targetPort: ports.inbound, ...http },
      spiffeIdOf("shop", "app"),
    ),
    service(
      ...(["control-plane", "vedette", PLANE_HOST] as const),
      { number: PLANE_PORT, targetPort: ports.plane, name: "grpc-sidecar", protocol: "GRPC" },
      spiffeIdOf("vedette", "control-plane"),
    ),
    ...gateway(ports),
    {
      apiVersion: networking,
      kind: "DestinationRule",
      metadata: { name: "app", namespace: "shop" },
      spec: { host: "app.mesh.internal", trafficPolicy: { tls: { mode: "ISTIO_MUTUAL" } } },
    },
  ];
}

/** What the ingress gateway is told: plain HTTP on 127.0.0.1, everything to app. */
function gateway(ports: MeshPorts): Manifest[] {
  const networking = "networking.istio.io/v1";
  const metadata = { name: "ingress", namespace: "edge" };
  const server = { port: { number: ports.edge, protocol: "HTTP", name: "http" }, hosts: ["*"], bind: "127.0.0.1" };
  const destination = { host: "app.mesh.internal", port: { number: ports.service } };
  return [
    { apiVersion: networking, kind: "Gateway", metadata, spec: { selector: { app: "ingress" }, servers: [server] } },
    {
      apiVersion: networking,
      kind: "VirtualService",
      metadata,
      spec: { hosts: ["*"], gateways: ["ingress"], http: [{ route: [{ destination }] }] },
    },
  ];
}
