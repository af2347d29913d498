// What changed between two texts, word by word.

import { el } from "./dom.js";

const FEW = 3; // words that stay between two changes
const MOST = 1_000_000; // pairs of words that are compared; beyond that a text is another one

/** Cut a text into words and what lies between them. */
function words(text) {
  return text.match(/\s+|[\p{L}\p{N}]+|[^\s\p{L}\p{N}]/gu) ?? [];
}

/** Give the changes as pairs of kind (same, added, removed) and text. */
export function difference(before, after) {
  const one = words(before);
  const other = words(after);
  let start = 0;
  while (start < one.length && start < other.length && one[start] === other[start]) start++;
  let end = 0;
  while (
    end < one.length - start &&
    end < other.length - start &&
    one[one.length - 1 - end] === other[other.length - 1 - end]
  )
    end++;
  return joined(calmed([
    ...one.slice(0, start).map((word) => ["same", word]),
    ...middle(one.slice(start, one.length - end), other.slice(start, other.length - end)),
    ...one.slice(one.length - end).map((word) => ["same", word]),
  ]));
}

/** Take a few words that stay between two changes for changed: a sentence is read as a whole. */
function calmed(pieces) {
  const found = [];
  let at = 0;
  while (at < pieces.length) {
    let until = at;
    while (until < pieces.length && pieces[until][0] === "same") until++;
    const kept = pieces.slice(at, until);
    const few = kept.filter(([, word]) => /[\p{L}\p{N}]/u.test(word)).length < FEW;
    if (at > 0 && until < pieces.length && few)
      found.push(...kept.flatMap(([, word]) => [["removed", word], ["added", word]]));
    else found.push(...kept);
    if (until < pieces.length) found.push(pieces[until]);
    at = until + 1;
  }
  return found;
}

/** Compare by the longest common subsequence. */
function middle(one, other) {
  const whole = [
    ...one.map((word) => ["removed", word]),
    ...other.map((word) => ["added", word]),
  ];
  const width = other.length + 1;
  if (!one.length || !other.length || (one.length + 1) * width > MOST) return whole;
  const length = new Uint32Array((one.length + 1) * width);
  for (let i = one.length - 1; i >= 0; i--)
    for (let j = other.length - 1; j >= 0; j--)
      length[i * width + j] =
        one[i] === other[j]
          ? length[(i + 1) * width + j + 1] + 1
          : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
  const found = [];
  let i = 0;
  let j = 0;
  while (i < one.length || j < other.length)
    if (i < one.length && j < other.length && one[i] === other[j]) {
      found.push(["same", one[i++]]);
      j++;
    } else if (
      j === other.length ||
      (i < one.length && length[(i + 1) * width + j] >= length[i * width + j + 1])
    )
      found.push(["removed", one[i++]]);
    else found.push(["added", other[j++]]);
  return found;
}

/** Put neighbours of one kind together, those that are taken out before those that come. */
function joined(pieces) {
  const found = [];
  let removed = "";
  let added = "";
  const flush = () => {
    if (removed) found.push(["removed", removed]);
    if (added) found.push(["added", added]);
    removed = added = "";
  };
  for (const [kind, text] of pieces)
    if (kind === "removed") removed += text;
    else if (kind === "added") added += text;
    else {
      flush();
      if (found.at(-1)?.[0] === "same") found.at(-1)[1] += text;
      else found.push(["same", text]);
    }
  flush();
  return found;
}

/** Show the changes of a text. */
export function drawDifference(before, after) {
  const tags = { same: "span", added: "ins", removed: "del" };
  return el(
    "p",
    { class: "text", dir: "auto" },
    difference(before, after).map(([kind, text]) => el(tags[kind], {}, text)),
  );
}
