// Which markers would cover each other. Pure: pixels in, groups out.

/**
 * Group points that lie within `radius` of the group's first point; earlier points lead, so put what matters most first.
 * Leaders of two groups are never closer than `radius`, so that one marker for each group never covers another.
 */
export function grouped(points, radius) {
  const cells = new Map();
  const groups = [];
  const cellOf = (value) => Math.floor(value / radius);
  for (const point of points) {
    const [column, row] = [cellOf(point.x), cellOf(point.y)];
    let nearest = null;
    let least = radius;
    for (let right = -1; right <= 1; right += 1) {
      for (let down = -1; down <= 1; down += 1) {
        for (const group of cells.get(`${column + right}:${row + down}`) || []) {
          const distance = Math.hypot(group[0].x - point.x, group[0].y - point.y);
          if (distance < least) [nearest, least] = [group, distance];
        }
      }
    }
    if (nearest) {
      nearest.push(point);
      continue;
    }
    const group = [point];
    groups.push(group);
    const key = `${column}:${row}`;
    if (cells.has(key)) cells.get(key).push(group);
    else cells.set(key, [group]);
  }
  return groups;
}
