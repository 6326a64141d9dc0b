// Which things are meant by what somebody types: every word in any of a thing's texts, or the first text without its
// spaces and dashes, as plates are written in many ways. Case, accents and vowel marks do not count.
const fold = (text) => String(text ?? "").normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
const squeeze = (text) => text.replace(/[^\p{L}\p{N}]/gu, "");

/** Give a function that takes the texts of a thing, its name first, and says whether it is meant. */
export function matching(typed) {
  const words = fold(typed).split(/\s+/).filter(Boolean);
  const plate = squeeze(words.join(""));
  return (name, ...texts) => {
    const all = [name, ...texts].map(fold).join("\n");
    return words.every((word) => all.includes(word)) || (plate !== "" && squeeze(fold(name)).includes(plate));
  };
}
