"""Who and where in the demo: names, logins and real places, used by `seed_demo`, `demo` and `simulate`."""

from dataclasses import dataclass

DEMO_PASSWORD = "depannage-2026"  # noqa: S105 - of the demo alone, printed at its start


@dataclass(frozen=True, slots=True)
class Place:
    """A named place; degrees."""

    name: str
    address: str
    lat: float
    lng: float


@dataclass(frozen=True, slots=True)
class Person:
    """A demo login: phone for clients and assistants, username for the others."""

    login: str
    name: str
    role: str
    service_type: str = ""


CLIENTS = tuple(
    Person(f"+21355510{number:04d}", name, "client")
    for number, name in enumerate(
        ("Amina Belkacem", "Yacine Haddad", "Sofia Meziane", "Rachid Benali", "Leïla Cherif", "Mourad Saïdi"), start=1
    )
)
ASSISTANTS = tuple(
    Person(f"+21355520{number:04d}", name, "assistant", service)
    for number, (name, service) in enumerate(
        (
            ("Karim Dépannage", "towing"),
            ("Nabil Remorquage", "towing"),
            ("Farid Assistance", "towing"),
            ("Samir Auto", "towing"),
            ("Hakim Mécanique", "repair"),
            ("Djamel Répar", "repair"),
            ("Lyes Pneus", "repair"),
            ("Toufik SOS", "towing"),
        ),
        start=1,
    )
)
DISPATCHERS = (
    Person("nadia", "Nadia Mansouri", "dispatcher"),
    Person("paul", "Paul Lefèvre", "dispatcher"),
)
VIEWER = Person("meriem", "Meriem Ziani", "viewer")
OPERATOR = Person("admin", "Salim Operator", "staff")

ALGIERS = (
    Place("Port d'Alger", "Quai 9, Port d'Alger, Alger", 36.7725, 3.0690),
    Place("Grande Poste", "Place Grande Poste, Alger-Centre", 36.7722, 3.0588),
    Place("Marché Clauzel", "Rue Clauzel, Sidi M'Hamed", 36.7655, 3.0560),
    Place("Hôpital Mustapha", "Place du 1er Mai, Sidi M'Hamed", 36.7628, 3.0530),
    Place("Jardin d'Essai", "Rue Belouizdad, El Hamma", 36.7480, 3.0750),
    Place("Les Fusillés", "Rue Hassiba Ben Bouali, Hussein Dey", 36.7410, 3.0890),
    Place("Centre commercial Ardis", "Mohammadia, Alger", 36.7370, 3.1440),
    Place("Université de Bab Ezzouar", "USTHB, Bab Ezzouar", 36.7120, 3.1810),
    Place("Aéroport Houari-Boumédiène", "Dar El Beïda, Alger", 36.6910, 3.2154),
    Place("Zone industrielle Oued Smar", "Oued Smar, Alger", 36.7040, 3.1660),
    Place("Zone industrielle Rouïba", "Rouïba, Alger", 36.7380, 3.2800),
    Place("Marché de gros Les Eucalyptus", "Les Eucalyptus, Alger", 36.6660, 3.1550),
    Place("Gare routière du Caroubier", "Hussein Dey, Alger", 36.7350, 3.1180),
    Place("Ben Aknoun", "Route de Ben Aknoun, Alger", 36.7590, 3.0110),
    Place("Dély Ibrahim", "Route de Chéraga, Dély Ibrahim", 36.7530, 2.9830),
    Place("Chéraga", "Centre de Chéraga, Alger", 36.7670, 2.9590),
    Place("Zéralda", "Route de la Plage, Zéralda", 36.7110, 2.8420),
    Place("Blida gare", "Avenue de la Gare, Blida", 36.4800, 2.8300),
)
PARIS = (
    Place("Marché de Rungis", "1 Rue de la Tour, 94150 Rungis", 48.7590, 2.3520),
    Place("Gare de Lyon", "Place Louis-Armand, 75012 Paris", 48.8443, 2.3744),
    Place("Bercy entrepôts", "Rue de Bercy, 75012 Paris", 48.8380, 2.3830),
    Place("Carrefour Vincennes", "93 Avenue de Paris, 94300 Vincennes", 48.8470, 2.4280),
    Place("Port de Gennevilliers", "Route du Bassin, 92230 Gennevilliers", 48.9370, 2.2900),
    Place("Saint-Denis Pleyel", "Place Pleyel, 93200 Saint-Denis", 48.9170, 2.3450),
    Place("La Défense", "Parvis de La Défense, 92800 Puteaux", 48.8918, 2.2380),
    Place("Boulogne-Billancourt", "Rue de Silly, 92100 Boulogne-Billancourt", 48.8350, 2.2400),
    Place("Créteil Soleil", "101 Avenue du Général de Gaulle, 94000 Créteil", 48.7790, 2.4570),
    Place("Orly fret", "Zone de fret, 94310 Orly", 48.7260, 2.3650),
    Place("Roissy fret", "Rue des Frères Wright, 95700 Roissy", 49.0050, 2.5300),
    Place("Versailles Chantiers", "Rue de l'Abbé Rousseaux, 78000 Versailles", 48.7950, 2.1350),
)
