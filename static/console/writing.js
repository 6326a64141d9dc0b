// Writes numbers as depannini_dashmap/formats does: Arabic pages as French ones, as people in Algeria write.
const LOCALES = { ar: "fr" };

/** The number with `most` decimals at most, and no less than `least`. */
export function written(number, most = 0, least = most) {
  const language = document.documentElement.lang.slice(0, 2);
  return number.toLocaleString(LOCALES[language] ?? language, { minimumFractionDigits: least, maximumFractionDigits: most });
}

/** The parts with the comma of the page's language between them. */
export function listed(parts) {
  return parts.join(document.documentElement.lang.startsWith("ar") ? "، " : ", ");
}
