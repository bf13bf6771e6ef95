// The payment messages on the wire.

import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as contract from "../../envoy/demo/shop/payment-contract.ts";

test("what is written is read again", () => {
  const request = { orderId: "o-1", amountCents: 123_456_789_012, currency: "EUR", cardToken: "tok_é" };
  assert.equal(contract.readRequest(contract.writeRequest(request)), request);
  const response = { approved: true, authorizationId: "a", reason: "" };
  assert.equal(contract.readResponse(contract.writeResponse(response)), response);
});

test("unknown fields are skipped, missing ones have their default", () => {
  const bytes = new BinaryWriter().tag(9, 2).string("later").tag(3, 2).string("EUR").finish();
  assert.equal(contract.readRequest(bytes), { orderId: "", amountCents: 0, currency: "EUR", cardToken: "" });
});

test("the bytes are those of shop.proto", () => {
  const bytes = contract.writeRequest({ orderId: "a", amountCents: 300, currency: "EUR", cardToken: "t" });
  assert.is(bytes.toString("hex"), "0a01611" + "0ac02" + "1a03455552" + "220174");
});

test.run();
