// DER against encodings worked out from X.690.

import { test } from "uvu";
import * as assert from "uvu/assert";
import * as asn1 from "../../envoy/der.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("lengths take the short form below 128, and then as few bytes as they need", () => {
  assert.is(hex(asn1.octets(Buffer.alloc(127))).slice(0, 4), "047f");
  assert.is(hex(asn1.octets(Buffer.alloc(128))).slice(0, 6), "048180");
  assert.is(hex(asn1.octets(Buffer.alloc(256))).slice(0, 8), "04820100");
  assert.throws(() => asn1.octets(Buffer.alloc(65_536)), /65536 bytes: at most 65,535/);
});

test("integers are positive and as short as they can be", () => {
  assert.is(hex(asn1.integer(Buffer.from([0]))), "020100");
  assert.is(hex(asn1.integer(Buffer.from([0x7f]))), "02017f");
  assert.is(hex(asn1.integer(Buffer.from([0x80]))), "02020080");
  assert.is(hex(asn1.integer(Buffer.from([0, 0, 1, 2]))), "02020102");
});

test("object identifiers pack their arcs in groups of seven bits", () => {
  assert.is(hex(asn1.oid("2.5.29.17")), "0603551d11");
  assert.is(hex(asn1.oid("1.2.840.10045.4.3.2")), "06082a8648ce3d040302");
});

test("times are UTCTime until 2049 and GeneralizedTime from 2050", () => {
  assert.is(asn1.time(new Date("2049-12-31T23:59:59.999Z")).toString("latin1"), "\x17\x0d491231235959Z");
  assert.is(asn1.time(new Date("2050-01-01T00:00:00Z")).toString("latin1"), "\x18\x0f20500101000000Z");
});

test("constructed values hold the others one after the other", () => {
  assert.is(hex(asn1.sequence(asn1.boolean(true), asn1.utf8("a"))), "30060101ff0c0161");
  assert.is(hex(asn1.explicit(3, asn1.boolean(false))), "a303010100");
  assert.is(hex(asn1.implicit(6, Buffer.from("x"))), "860178");
  assert.is(hex(asn1.bits(Buffer.from([0x80]), 7)), "03020780");
});

test.run();
