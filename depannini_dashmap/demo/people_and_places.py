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
# Where the extract lies that ships with the product, so that its streets are there at once.
MONACO = (
    Place("Port Hercule", "Quai Antoine Ier, La Condamine, Monaco", 43.734280, 7.421760),
    Place("Marché de la Condamine", "Place d'Armes, La Condamine, Monaco", 43.731850, 7.418630),
    Place("Gare de Monaco", "Avenue Prince Pierre, Monaco", 43.738400, 7.419500),
    Place("Hôpital Princesse Grace", "Avenue Pasteur, Monaco", 43.730560, 7.410950),
    Place("Centre commercial Fontvieille", "Avenue Prince Héréditaire Albert, Fontvieille", 43.729500, 7.415500),
    Place("Casino de Monte-Carlo", "Place du Casino, Monte-Carlo", 43.739300, 7.428100),
    Place("Grimaldi Forum", "10 Avenue Princesse Grace, Larvotto", 43.743700, 7.431600),
    Place("Plages du Larvotto", "Avenue Princesse Grace, Larvotto", 43.746000, 7.434300),
    Place("Boulevard des Moulins", "Boulevard des Moulins, Monte-Carlo", 43.741900, 7.427900),
    Place("Jardin Exotique", "Boulevard du Jardin Exotique, Monaco", 43.731300, 7.413600),
    Place("Saint-Roman", "Boulevard d'Italie, La Rousse", 43.748300, 7.435100),
    Place("Rue Grimaldi", "34 Rue Grimaldi, Monaco", 43.735000, 7.418000),
)


def around(lat: float, lng: float) -> tuple[Place, ...]:
    """Return the places of the city that a point lies in, or nearest to."""
    return min((ALGIERS, MONACO), key=lambda places: abs(places[0].lat - lat) + abs(places[0].lng - lng))
