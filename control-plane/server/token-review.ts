// Operators by Kubernetes: the API server is asked whose token it is (TokenReview), with our own token, for our
// audience. An answer holds for a minute, and never beyond the token; no answer is a refusal.

import { createHash } from "node:crypto";
import { decodeJwt } from "jose";
import type { RoleBindings, TokenReviewSettings } from "../config-operators.ts";
import { ControlPlaneError } from "../errors.ts";
import type { Ports } from "../ports/ports.ts";
import { type Principal, unauthenticated } from "./identity.ts";
import { type OperatorName, operator } from "./roles.ts";

export const REVIEW_HELD_MS = 60_000;
/** Answers kept; the oldest makes room. */
export const REVIEWS_MAX = 1024;
/** Questions on their way at once; more are refused. */
const ASKED_MAX = 32;
const BYTES_MAX = 262_144;
const TIMEOUT_MS = 5_000;
const PATH = "/apis/authentication.k8s.io/v1/tokenreviews";

interface Review {
  answer: Promise<Principal>;
  untilMs: number;
}

interface ReviewStatus {
  authenticated?: unknown;
  audiences?: unknown;
  user?: { username?: unknown; groups?: unknown };
}

export class TokenReviews {
  /** By SHA-256 of the token; in the order they were asked. */
  private readonly reviews = new Map<string, Review>();
  private asked = 0;

  constructor(
    private readonly settings: TokenReviewSettings,
    private readonly roles: RoleBindings,
    private readonly ports: Pick<Ports, "clock" | "files" | "https">,
  ) {}

  /** UNAUTHENTICATED where the API does not know the token for our audience; UNAVAILABLE where it does not answer. */
  review(token: string): Promise<Principal> {
    const now = this.ports.clock.nowMs();
    const key = createHash("sha256").update(token).digest("base64");
    const held = this.reviews.get(key);
    if (held !== undefined && held.untilMs > now) return held.answer;
    if (this.asked >= ASKED_MAX) {
      throw new ControlPlaneError("UNAVAILABLE", `token reviews: ${this.asked} are under way, at most ${ASKED_MAX}`);
    }
    this.asked++;
    const review: Review = { answer: this.ask(token), untilMs: now + REVIEW_HELD_MS };
    this.reviews.delete(key);
    this.reviews.set(key, review);
    for (const oldest of this.reviews.keys()) {
      if (this.reviews.size <= REVIEWS_MAX) break;
      this.reviews.delete(oldest);
    }
    const told = () => this.asked--;
    review.answer.then(told, (error: unknown) => {
      told();
      // That it is not known may be kept as well; that nobody answered may not.
      const unknown = error instanceof ControlPlaneError && error.code === "UNAUTHENTICATED";
      if (!unknown && this.reviews.get(key) === review) this.reviews.delete(key);
    });
    return review.answer;
  }

  private async ask(token: string): Promise<Principal> {
    const { api, audience, token: ownToken, ca } = this.settings;
    const { files, https } = this.ports;
    const review = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      spec: { token, audiences: [audience] },
    };
    let status: ReviewStatus;
    try {
      const answer = await https.send({
        url: api.replace(/\/$/, "") + PATH,
        method: "POST",
        headers: {
          authorization: `Bearer ${files.read(ownToken).toString("utf8").trim()}`,
          "content-type": "application/json",
          accept: "application/json",
        },
        body: JSON.stringify(review),
        ca: files.read(ca),
        timeoutMs: TIMEOUT_MS,
        bytesMax: BYTES_MAX,
      });
      if (answer.status !== 200 && answer.status !== 201) throw new Error(`${PATH}: status ${answer.status}`);
      status = (JSON.parse(answer.body) as { status?: ReviewStatus }).status ?? {};
    } catch (cause) {
      throw new ControlPlaneError("UNAVAILABLE", "bearer token: the Kubernetes API cannot be asked", { cause });
    }
    return this.principal(token, status);
  }

  private principal(token: string, { authenticated, audiences, user }: ReviewStatus): Principal {
    const forUs = Array.isArray(audiences) && audiences.includes(this.settings.audience);
    if (authenticated !== true || !forUs) throw unauthenticated("bearer token: Kubernetes does not know it");
    const username = user?.username;
    if (typeof username !== "string" || username === "") throw unauthenticated("bearer token: of nobody");
    const names: OperatorName[] = [["kubernetes-user", username]];
    const groups: unknown[] = Array.isArray(user?.groups) ? user.groups : [];
    for (const group of groups) if (typeof group === "string") names.push(["kubernetes-group", group]);
    return operator(`kubernetes:${username}`, names, expiryOf(token), this.roles);
  }
}

/** Of a token that the API server has found good; one that is no JWT is asked about again and again. */
function expiryOf(token: string): number {
  try {
    const { exp } = decodeJwt(token);
    return exp === undefined ? Number.POSITIVE_INFINITY : exp * 1000;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
