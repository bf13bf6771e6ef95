// The payment service: gRPC, one method. Declines some cards, and is unavailable once in a while.

import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from "@grpc/grpc-js";
import type { Random } from "../random.ts";
import type { Faults } from "./faults.ts";
import { type AuthorizeRequest, type AuthorizeResponse, paymentService } from "./payment-contract.ts";

const UNAVAILABLE = 0.01;
const DECLINED = 0.05;

export class PaymentServer {
  /** Calls received. */
  calls = 0;
  private readonly server = new Server();

  constructor(
    private readonly random: Random,
    private readonly faults: Faults,
  ) {
    this.server.addService(paymentService, {
      authorize: (
        call: ServerUnaryCall<AuthorizeRequest, AuthorizeResponse>,
        respond: sendUnaryData<AuthorizeResponse>,
      ) => this.authorize(call, respond),
    });
  }

  /** Resolves with the port, a free one of 127.0.0.1. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
  }

  close(): void {
    this.server.forceShutdown();
  }

  private authorize(
    { request }: ServerUnaryCall<AuthorizeRequest, AuthorizeResponse>,
    respond: sendUnaryData<AuthorizeResponse>,
  ): void {
    this.calls++;
    if (this.faults.happen(UNAVAILABLE)) {
      respond({ code: status.UNAVAILABLE, details: "acquirer does not answer" });
    } else if (request.amountCents <= 0) {
      respond({ code: status.INVALID_ARGUMENT, details: `amount_cents ${request.amountCents}: above 0` });
    } else if (this.faults.happen(DECLINED)) {
      respond(null, { approved: false, authorizationId: "", reason: "declined by the issuer" });
    } else {
      respond(null, { approved: true, authorizationId: this.random.hex(16), reason: "" });
    }
  }
}
