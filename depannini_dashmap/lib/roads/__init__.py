"""Real roads, streets and places out of one file of OpenStreetMap data; each works, less exactly, without it.

`routing` returns driving times and lines, `tiles` the street map, `places` the search; `data` says which build is in use,
`build/` makes one. Nothing here knows an app.
"""
