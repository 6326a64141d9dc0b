-- What tilemaker puts into which layer. ROADS, PLACES and LANDUSE come before this, out of streets.py.
NAMES = { "name", "name:fr", "name:ar", "name:en" }
node_keys = { "place" }
way_keys = { "highway", "railway", "aeroway", "building", "landuse", "leisure", "natural", "waterway", "amenity", "place", "boundary", "man_made", "tourism" }
function init_function() end
function exit_function() end

function put(thing, layer, is_area, zoom, kind, detail)
  thing:Layer(layer, is_area)
  thing:MinZoom(zoom)
  thing:Attribute("kind", kind)
  if detail then thing:Attribute("kind_detail", detail) end
  thing:AttributeNumeric("min_zoom", zoom)
end

function name(thing)
  for _, key in ipairs(NAMES) do
    local value = thing:Find(key)
    if value ~= "" then thing:Attribute(key, value) end
  end
end

function node_function(node)
  local place = node:Find("place")
  local known = PLACES[place]
  if known == nil or node:Find("name") == "" then return end
  local people = tonumber(node:Find("population")) or 0
  put(node, "places", false, known[2], known[1], place)
  node:AttributeNumeric("population_rank", people > 100000 and 11 or known[2] <= 5 and 10 or 6)
  name(node)
end

function road(way)
  local highway, railway, aeroway = way:Find("highway"), way:Find("railway"), way:Find("aeroway")
  local known = ROADS[highway]
  if known ~= nil then return known[1], known[2], highway end
  if (railway == "rail" or railway == "light_rail" or railway == "tram") and way:Find("service") == "" then return "rail", 10, railway end
  if aeroway == "runway" or aeroway == "taxiway" then return "other", 10, aeroway end
end

function area(way)
  local building, natural, waterway, landuse = way:Find("building"), way:Find("natural"), way:Find("waterway"), way:Find("landuse")
  if building ~= "" and building ~= "no" then put(way, "buildings", true, 13, "building") return end
  if natural == "water" or waterway == "riverbank" or landuse == "reservoir" or landuse == "basin" then
    put(way, "water", true, 8, "water")
    name(way)
    return
  end
  for _, known in ipairs(LANDUSE) do
    if way:Find(known[1]) == known[2] then put(way, "landuse", true, known[4], known[3]) return end
  end
end

function way_function(way)
  if way:Find("natural") == "coastline" then return end
  local kind, zoom, detail = road(way)
  if kind ~= nil and not (way:IsClosed() and way:Find("area") == "yes") then
    put(way, "roads", false, zoom, kind, detail)
    name(way)
    return
  end
  local waterway, level = way:Find("waterway"), tonumber(way:Find("admin_level")) or 99
  if waterway == "river" or waterway == "canal" or waterway == "stream" then
    local is_stream = waterway == "stream"
    put(way, "water", false, is_stream and 12 or 9, is_stream and "stream" or "river")
    name(way)
  elseif way:Find("boundary") == "administrative" and level <= 6 then
    put(way, "boundaries", false, level <= 4 and 4 or 8, level == 2 and "country" or "region")
    way:AttributeNumeric("kind_detail", level)
  elseif way:IsClosed() then
    area(way)
  end
end
