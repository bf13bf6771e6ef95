// From an update to what serves. The owner of the stream assembles and adopts it first, then shares it and rings;
// the others adopt what is shared. Each VM tells its own ack or nack. An update that the owner refuses is not
// shared: what is shared is always whole.

import { commitSnapshot, DECODED, decodeContent, REFUSED } from "./adoption";
import { assemble, nonce, readUpdate, updateEpoch, updateVersion } from "./assembly";
import { config } from "./config";
import { contentChanged, contentNonce, fetchContent, shareContent } from "./content";
import { manifestEpoch, manifestVersion } from "./core/manifest";
import { putRefusalBound, putRefusalField, REFUSAL_TEXT_MAX, refusalValue } from "./core/refusal";
import { settingsMode } from "./core/settings";
import { writeBytes, writeClose, writeFixed64, writeOpen, writeVarint } from "./core/write";
import { totals } from "./counts";
import { endLine, INFO, line, WARN } from "./host/log";
import { allocate, CONTENT_MAX, release } from "./host/memory";
import { put, putBytes, putDecimal } from "./host/text";
import { vmBootId } from "./node";
import { serving } from "./snapshot";
import { beginFrame, endFrame } from "./uplink";
import { BELL_CONTENT, ringAll } from "./vm-slots";

const FIELD = memory.data(128, 8);
const BOUND = memory.data(128, 8);

/** The fields that Ack and Nack begin with. */
function writeAnswer(updateNonce: u64, epoch: u64, version: u64): void {
  writeVarint(1, updateNonce);
  writeFixed64(2, vmBootId);
  writeBytes(3, config.target, config.targetLength);
  writeVarint(4, epoch);
  writeVarint(5, version);
}

function acknowledge(updateNonce: u64): void {
  beginFrame();
  const opened = writeOpen(5);
  writeAnswer(updateNonce, serving.epoch, serving.version);
  writeClose(opened);
  endFrame();
}

function refuse(updateNonce: u64, epoch: u64, version: u64): void {
  totals.updatesRefused++;
  const fieldLength = min<i32>(putRefusalField(FIELD), REFUSAL_TEXT_MAX);
  const boundLength = min<i32>(putRefusalBound(BOUND), REFUSAL_TEXT_MAX);
  line("update refused version=");
  putDecimal(version);
  put(" field=");
  putBytes(FIELD, fieldLength);
  put(" value=");
  putDecimal(refusalValue());
  put(" bound=");
  putBytes(BOUND, boundLength);
  endLine(WARN);
  beginFrame();
  const opened = writeOpen(6);
  writeAnswer(updateNonce, epoch, version);
  writeBytes(6, FIELD, fieldLength);
  writeVarint(7, refusalValue());
  writeBytes(8, BOUND, boundLength);
  writeClose(opened);
  endFrame();
}

function commit(nowNs: u64): void {
  commitSnapshot(nowNs);
  line("adopted epoch=");
  putDecimal(serving.epoch);
  put(" version=");
  putDecimal(serving.version);
  put(" mode=");
  putDecimal(settingsMode(serving.settings));
  endLine(INFO);
}

/** The Update at [start, end) of the gRPC message just received: for the owner of the stream. */
export function takeUpdate(start: u32, end: u32, nowNs: u64): void {
  const at = allocate(CONTENT_MAX);
  const outcome = at != 0 && readUpdate(start, end) && assemble(at, nowNs) ? decodeContent(at) : REFUSED;
  if (outcome == REFUSED) {
    release(at);
    refuse(nonce, updateEpoch(), updateVersion());
    return;
  }
  if (!shareContent(at)) {
    line("content could not be shared");
    endLine(WARN);
  }
  release(at);
  if (outcome == DECODED) commit(nowNs);
  ringAll(BELL_CONTENT, nowNs);
  acknowledge(nonce);
}

/** Looks whether another VM has shared a content, and adopts it. A content is answered once, whatever comes of it. */
export function takeShared(nowNs: u64): void {
  if (!contentChanged()) return;
  const at = allocate(CONTENT_MAX);
  if (at == 0 || !fetchContent(at)) return;
  const outcome = decodeContent(at);
  const contentsNonce = contentNonce(at);
  release(at);
  if (outcome == DECODED) commit(nowNs);
  if (outcome == REFUSED) refuse(contentsNonce, manifestEpoch(), manifestVersion());
  else acknowledge(contentsNonce);
}
