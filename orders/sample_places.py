"""Real loading and unloading places around Algiers and Paris for invented orders: name, address, latitude, longitude."""

PLACES: dict[str, tuple[tuple[str, str, float, float], ...]] = {
    "DZ": (
        ("Port d'Alger", "Boulevard Colonel Amirouche, Alger", 36.770000, 3.070000),
        ("Marché de gros des Eucalyptus", "Les Eucalyptus, Alger", 36.668000, 3.150000),
        ("Zone industrielle Oued Smar", "Oued Smar, Alger", 36.705000, 3.167000),
        ("Zone industrielle Rouiba", "Rouiba, Alger", 36.735000, 3.300000),
        ("Zone industrielle Reghaïa", "Reghaïa, Alger", 36.752000, 3.350000),
        ("Aéroport Houari Boumediene, fret", "Dar El Beïda, Alger", 36.691000, 3.215000),
        ("Ardis", "Mohammadia, Alger", 36.745000, 3.150000),
        ("Centre commercial Bab Ezzouar", "Bab Ezzouar, Alger", 36.720000, 3.185000),
        ("Dépôt de Birkhadem", "Birkhadem, Alger", 36.715000, 3.050000),
        ("Marché de Boufarik", "Boufarik, Blida", 36.574000, 2.912000),
        ("Zone d'activité Kouba", "Kouba, Alger", 36.728000, 3.087000),
        ("Plateforme de Chéraga", "Chéraga, Alger", 36.767000, 2.959000),
        ("Zone d'activité Draria", "Draria, Alger", 36.718000, 2.999000),
        ("Dépôt de Blida", "Zone industrielle, Blida", 36.495000, 2.845000),
    ),
    "FR": (
        ("Rungis International Market", "1 Rue de la Tour, 94150 Rungis", 48.759000, 2.352000),
        ("Port de Gennevilliers", "Route du Bassin, 92230 Gennevilliers", 48.935000, 2.287000),
        ("Entrepôt Vincennes", "93 Avenue de Paris, 94300 Vincennes", 48.847000, 2.428000),
        ("Garonor", "Aulnay-sous-Bois, 93600", 48.955000, 2.475000),
        ("Roissy fret", "Zone de fret, 95700 Roissy-en-France", 49.003000, 2.520000),
        ("Plateforme de Bonneuil", "Port de Bonneuil, 94380 Bonneuil-sur-Marne", 48.772000, 2.487000),
        ("Dépôt d'Ivry", "Quai Marcel Boyer, 94200 Ivry-sur-Seine", 48.815000, 2.395000),
        ("Entrepôt Saint-Denis", "Rue Ambroise Croizat, 93200 Saint-Denis", 48.932000, 2.345000),
        ("Parc des Petits Ponts", "93290 Tremblay-en-France", 48.975000, 2.560000),
        ("Dépôt d'Orly", "Avenue de l'Union, 94310 Orly", 48.743000, 2.395000),
    ),
}
