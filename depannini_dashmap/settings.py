"""All settings, read from the environment (`.env` next to `manage.py` is read too); the README has the table."""

import hmac
import os
import re
import secrets
import sys
from datetime import time, timedelta
from importlib.util import find_spec
from pathlib import Path

import environ
from csp.constants import NONE, SELF, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured

from depannini_dashmap.lib.ops import redis_connections
from depannini_dashmap.server.listen_address import public_address

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
ENV_FILE = Path(os.environ.get("ENV_FILE", BASE_DIR / ".env"))
if ENV_FILE.exists():
    env.read_env(ENV_FILE)
# A secret may be in a file instead, which NAME_FILE names: no list of processes or containers shows it then.
SECRETS = (
    "SECRET_KEY", "DATABASE_URL", "DATABASE_PASSWORD", "MIGRATE_DATABASE_URL", "REDIS_URL", "REDIS_PASSWORD", "EMAIL_URL", "SMS_URL", "VAPID_PRIVATE_KEY",
    "METRICS_TOKEN",
)  # fmt: skip
for _name in SECRETS:
    if _file := env.str(f"{_name}_FILE", ""):
        try:
            os.environ[_name] = Path(_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(f"{_name}_FILE={_file} cannot be read: {type(error).__name__}.") from None
        if not os.environ[_name]:
            raise ImproperlyConfigured(f"{_name}_FILE={_file} is empty.")


def _made_secret_key() -> str:
    """Make a key once, keep it in `.env` readable by its owner alone, and say so."""
    key = secrets.token_urlsafe(50)
    descriptor = os.open(ENV_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a") as file:
        file.write(f"\nSECRET_KEY={key}\n")
    ENV_FILE.chmod(0o600)
    print(f"SECRET_KEY was not set: made one and kept it in {ENV_FILE}", file=sys.stderr)
    return key


# --- Core -------------------------------------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "") or _made_secret_key()
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
HTTPS = env.bool("HTTPS", False)
BASE_URL = env.str("BASE_URL", "http://127.0.0.1:8000").rstrip("/")
NUM_PROXIES = env.int("NUM_PROXIES", 0)
SERVE = env.str("SERVE", "all")

# The last is how a phone's emulator calls the machine that it runs on.
_LOOPBACK_HOSTS = {"localhost", "127.0.0.1", "[::1]", "::1", "testserver", "10.0.2.2"}
if not DEBUG:
    if len(SECRET_KEY) < 32 or len(set(SECRET_KEY)) < 5 or SECRET_KEY.startswith("django-insecure-"):
        raise ImproperlyConfigured("SECRET_KEY is insecure: use at least 32 random characters.")
    if "*" in ALLOWED_HOSTS:
        raise ImproperlyConfigured("ALLOWED_HOSTS must name the hosts; '*' is for DEBUG only.")
elif any(host not in _LOOPBACK_HOSTS and not host.endswith(".localhost") for host in ALLOWED_HOSTS):
    raise ImproperlyConfigured("DEBUG must be off when ALLOWED_HOSTS names an address that is not loopback.")
elif _address := public_address(sys.argv):
    raise ImproperlyConfigured(f"DEBUG must be off when the server listens on {_address}, which is not loopback.")

INSTALLED_APPS = [
    # Only `runserver` needs the app, which imports Twisted: 16 MB in each process that serves or works.
    *(["daphne"] if sys.argv[1:2] == ["runserver"] else []),
    "depannini_dashmap.apps.DepanniniDashmapConfig",
    "depannini_dashmap.apps.DispatchAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "knox",
    "axes",
    "channels",
    "corsheaders",
    "django_filters",
    "django_tasks",
    "django_tasks_db",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "import_export",
    "simple_history",
    "accounts",
    "fleet",
    "orders",
    "trips",
    "telematics",
    "assistance",
    "payments",
    "alarms",
]

MIDDLEWARE = [
    "depannini_dashmap.lib.api.middleware.RequestIdMiddleware",
    "depannini_dashmap.lib.api.middleware.CharsetMiddleware",
    "depannini_dashmap.lib.ops.metrics.MetricsMiddleware",
    "depannini_dashmap.lib.api.middleware.HostMiddleware",
    "depannini_dashmap.lib.api.middleware.PagePoliciesMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "depannini_dashmap.lib.api.middleware.RefusalMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "depannini_dashmap.lib.api.middleware.PagesLocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "depannini_dashmap.lib.api.middleware.PageParametersMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
]
APPEND_SLASH = False
ROOT_URLCONF = "depannini_dashmap.urls"
ASGI_APPLICATION = "depannini_dashmap.asgi.application"
WSGI_APPLICATION = "depannini_dashmap.wsgi.application"
# HSTS for subdomains and for browsers' lists is the operator's to choose.
SILENCED_SYSTEM_CHECKS: list[str] = ["security.W005", "security.W021"]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
            ]
        },
    }
]

# --- Database, cache, channel layer --------------------------------------------------------------------------------------
# A role of its own may own the tables: it migrates, saves and restores them, and removes old audit events, which the server's may not.
_command = sys.argv[1] if len(sys.argv) > 1 else ""
_migrating = _command == "migrate"
_as_owner = _command in {"migrate", "prune", "backup", "restore"}
MIGRATE_DATABASE_URL = env.str("MIGRATE_DATABASE_URL", "")
_database_url = "MIGRATE_DATABASE_URL" if _as_owner and MIGRATE_DATABASE_URL else "DATABASE_URL"
DATABASES = {"default": env.db_url(_database_url, default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
_database = DATABASES["default"]
if not _database.get("PASSWORD") and not _database["ENGINE"].endswith("sqlite3"):
    _database["PASSWORD"] = env.str("DATABASE_PASSWORD", "")
if _database["ENGINE"].endswith("sqlite3"):
    _database["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    if _database["ENGINE"] == "django.db.backends.postgresql":
        _database["ENGINE"] = "depannini_dashmap.lib.db.postgresql"
    _database["CONN_MAX_AGE"] = None
    _database["CONN_HEALTH_CHECKS"] = True
    _database.setdefault("OPTIONS", {})
    _database["OPTIONS"].setdefault("connect_timeout", 3)
    for _name, _value in (("tcp_user_timeout", 5000), ("keepalives_idle", 10), ("keepalives_interval", 5)):
        _database["OPTIONS"].setdefault(_name, _value)
# Seconds of silence, towards everybody, after which a server takes PostgreSQL for frozen; 0 waits as long as it takes.
DATABASE_PATIENCE = env.float("DATABASE_PATIENCE", 4.0)
# Whether a connection is ours as long as it is open, so that PostgreSQL plans the hottest statements once in each:
# not behind a pooler that shares connections between transactions.
DATABASE_PREPARE = env.bool("DATABASE_PREPARE", True)
_database["DISABLE_SERVER_SIDE_CURSORS"] = not DATABASE_PREPARE
# Said on each new connection: poolers refuse it among the start-up parameters, or drop it. A URL's own `options` win.
DATABASE_SESSION = {
    "statement_timeout": "0" if _migrating else "15s",
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "0" if _migrating else "30s",
    "plan_cache_mode": "force_generic_plan",
}
if "options" in _database["OPTIONS"] or (_migrating and not DATABASE_PREPARE):
    DATABASE_SESSION = {}  # through a pooler of transactions, what `migrate` sets would stay for the servers
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", "")
if REDIS_URL:
    REDIS_URL = redis_connections.with_password(REDIS_URL, env.str("REDIS_PASSWORD", ""))
    try:
        redis_connections.check(REDIS_URL)
    except redis_connections.Wrong as error:
        raise ImproperlyConfigured(f"REDIS_URL cannot be used: {error}.") from None
# The prefix of this deployment's keys and channels, which others on the same Redis do not have: one secret and one database are one.
_database_name = str(Path(_database["NAME"]).absolute()) if _database["ENGINE"].endswith("sqlite3") else str(_database["NAME"])
DEPLOYMENT = env.str("DEPLOYMENT", "") or hmac.digest(SECRET_KEY.encode(), _database_name.encode(), "sha256").hex()[:12]
if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", DEPLOYMENT):
    raise ImproperlyConfigured("DEPLOYMENT is 1 to 40 letters, digits, hyphens and underscores.")
if REDIS_URL:
    CACHES = {
        "default": {
            "BACKEND": "depannini_dashmap.lib.ops.cache.EnduringRedisCache",
            "LOCATION": [REDIS_URL],  # Django would divide a text at the commas between Sentinels
            "KEY_PREFIX": f"dashmap.{DEPLOYMENT}",
        }
    }
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CHANNEL_LAYERS = {"default": {"BACKEND": "depannini_dashmap.lib.realtime.layer.ChannelLayer"}}
HTTP_THREADS = env.int("HTTP_THREADS", 4)
SOCKET_THREADS = env.int("SOCKET_THREADS", 4)

# --- Languages, times, static files, photos -------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français"), ("ar", "العربية")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["depannini_dashmap.formats"]
TIME_ZONE = "UTC"
DISPLAY_TIME_ZONE = env.str("DISPLAY_TIME_ZONE", "Africa/Algiers")
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
# django-leaflet is here for Leaflet's files alone: as an installed app its admin would need GDAL.
STATICFILES_DIRS = [BASE_DIR / "static", Path(str(find_spec("leaflet").origin)).parent / "static"]  # type: ignore[union-attr]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# A start needs no collectstatic: whitenoise serves from the finders.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
MEDIA_URL = "/media/"
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", str(BASE_DIR / "media")))
# Which accounts were erased, for restores; on no account among what they replace.
ERASURES_FILE = Path(env.str("ERASURES_FILE", str(MEDIA_ROOT.absolute().parent / "erasures" / "accounts.jsonl")))
MAP_TILE_URL = env.str("MAP_TILE_URL", "")
_TILE_HOST = re.match(r"https?://[^/]+", MAP_TILE_URL.replace("{s}", "*"))
# Pages load from this host alone, plus the map tiles; Leaflet places its markers by inline styles.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", *([_TILE_HOST.group(0)] if _TILE_HOST else [])],
        "style-src": [SELF, UNSAFE_INLINE],
        "script-src": [SELF],
        "connect-src": [SELF, "ws:", "wss:"],
        "frame-ancestors": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "object-src": [NONE],
    }
}
# Builds of the roads data (streets, places, driving times); made by manage.py roads.
ROADS_DIR = Path(env.str("ROADS_DIR", str(BASE_DIR / "var" / "roads")))
# Another OSRM than the one that each host runs for itself, e.g. http://roads:5000; `off`: straight lines only.
ROUTING_URL = env.str("ROUTING_URL", "").rstrip("/")
# An outside search for places, of Photon or Nominatim.
GEOCODER_URL = env.str("GEOCODER_URL", "")

# --- People -----------------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "email", "phone_number", "name", "first_name", "last_name")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
ACCESS_TOKEN_TTL = timedelta(seconds=env.int("ACCESS_TOKEN_TTL", 7 * 86400))
REFRESH_TOKEN_TTL = timedelta(seconds=env.int("REFRESH_TOKEN_TTL", 30 * 86400))
TOKEN_TTL = timedelta(seconds=env.int("TOKEN_TTL", 30 * 86400))
JWT_ROTATE_REFRESH = env.bool("JWT_ROTATE_REFRESH", False)
# What the clocks of two servers, or of Google and us, may differ by.
CLOCK_LEEWAY = timedelta(seconds=10)
SIMPLE_JWT = {
    "LEEWAY": CLOCK_LEEWAY,
    "ALGORITHM": "HS256",
    "SIGNING_KEY": SECRET_KEY,
    "ACCESS_TOKEN_LIFETIME": ACCESS_TOKEN_TTL,
    "REFRESH_TOKEN_LIFETIME": REFRESH_TOKEN_TTL,
    "UPDATE_LAST_LOGIN": False,
}
REST_KNOX = {"TOKEN_TTL": TOKEN_TTL, "AUTO_REFRESH": True, "MIN_REFRESH_INTERVAL": 3600}
GOOGLE_CLIENT_IDS = env.list("GOOGLE_CLIENT_IDS", default=[])
PHONE_DEFAULT_REGION = env.str("PHONE_DEFAULT_REGION", "DZ")
THROTTLING_ENABLED = env.bool("THROTTLING", not DEBUG)
AXES_ENABLED = THROTTLING_ENABLED
AXES_FAILURE_LIMIT = 5
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_HTTP_RESPONSE_CODE = 429
AXES_LOCKOUT_CALLABLE = "depannini_dashmap.console.lockout_page.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "accounts.limits.throttles.caller_address"
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False

# --- Outside systems ----------------------------------------------------------------------------------------------------------
_email = env.email_url("EMAIL_URL", default="consolemail://")
if _email["EMAIL_BACKEND"].endswith("filebased.EmailBackend"):
    # django-environ drops the leading slash of the directory.
    _email["EMAIL_FILE_PATH"] = f"/{_email['EMAIL_FILE_PATH']}"
vars().update(_email)
EMAIL_TIMEOUT = 5
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "Depannini DashMap <noreply@localhost>")
SMS_URL = env.str("SMS_URL", "console:")
# Where SMS may go, by the two letters of a country; empty: everywhere. Premium, satellite and shared-cost numbers get none.
SMS_COUNTRIES = frozenset(country.strip().upper() for country in env.list("SMS_COUNTRIES", default=[]) if country.strip())
# Notifications: console:, file:///dir, or services: (FCM and the browsers' push services, as far as their keys are set).
PUSH_URL = env.str("PUSH_URL", "console:")
FCM_CREDENTIALS = env.str("FCM_CREDENTIALS", "")
VAPID_PRIVATE_KEY = env.str("VAPID_PRIVATE_KEY", "")
# Whether a client without notifications gets an SMS when their request is accepted, or cancelled by the office.
SMS_FALLBACK = env.bool("SMS_FALLBACK", True)
# Push services besides the known ones, by host; `*`: every public address.
WEB_PUSH_HOSTS = frozenset(host.strip().lower() for host in env.list("WEB_PUSH_HOSTS", default=[]) if host.strip())
# What messages may cost: codes an hour that one caller's address may have sent, mails and SMS a day about a company's work.
CODES_PER_NETWORK = env.int("CODES_PER_NETWORK", 60)
MESSAGES_PER_COMPANY = env.int("MESSAGES_PER_COMPANY", 500)
if CODES_PER_NETWORK < 1 or MESSAGES_PER_COMPANY < 0:
    raise ImproperlyConfigured("CODES_PER_NETWORK is at least 1, MESSAGES_PER_COMPANY at least 0.")
TASK_WORKER = env.str("TASK_WORKER", "on").lower() not in {"off", "0", "false", "no"}
TASKS = {"default": {"BACKEND": "depannini_dashmap.lib.ops.task_backend.DatabaseBackend", "QUEUES": []}}

# --- The trade ------------------------------------------------------------------------------------------------------------------
CURRENCY = env.str("CURRENCY", "DZD")
ASSISTANCE_RADIUS_KM = env.float("ASSISTANCE_RADIUS_KM", 10.0)
ASSISTANCE_MAX_RADIUS_KM = env.float("ASSISTANCE_MAX_RADIUS_KM", 50.0)
# When who asks on /help/ has to prove their number by a code; the number that the page tells to call; where help is given, as
# south,west,north,east in degrees (empty: everywhere).
HELP_PROOF = env.str("HELP_PROOF", "suspicion").lower()
if HELP_PROOF not in {"never", "suspicion", "always"}:
    raise ImproperlyConfigured("HELP_PROOF is never, suspicion or always.")
HELP_PHONE = env.str("HELP_PHONE", "")
HELP_AREA = tuple(map(float, env.list("HELP_AREA", default=[])))
if HELP_AREA and not (len(HELP_AREA) == 4 and -90 <= HELP_AREA[0] < HELP_AREA[2] <= 90 and -180 <= HELP_AREA[1] < HELP_AREA[3] <= 180):
    raise ImproperlyConfigured("HELP_AREA is south,west,north,east in degrees.")
ASSISTANCE_TTL = timedelta(seconds=env.int("ASSISTANCE_TTL", 900))
ASSISTANCE_MAX_PRICE = env.int("ASSISTANCE_MAX_PRICE", 1_000_000)
ASSISTANCE_MAX_DISTANCE_KM = env.float("ASSISTANCE_MAX_DISTANCE_KM", 2000.0)
if not (0 < ASSISTANCE_MAX_PRICE < 10**10 and 0 < ASSISTANCE_MAX_DISTANCE_KM <= 20_100):
    raise ImproperlyConfigured("ASSISTANCE_MAX_PRICE is 1 to 9999999999, ASSISTANCE_MAX_DISTANCE_KM at most 20100.")
LOCATION_TTL = timedelta(seconds=env.int("LOCATION_TTL", 300))
ASSISTANCE_STALLED_AFTER = timedelta(seconds=env.int("ASSISTANCE_STALLED_AFTER", 900))
ASSISTANCE_LONGEST = timedelta(seconds=env.int("ASSISTANCE_LONGEST", 86400))
ASSISTANT_APPROVAL = env.bool("ASSISTANT_APPROVAL", False)
OFFER_WAVE_SIZE = env.int("OFFER_WAVE_SIZE", 10)
OFFER_WAVE_INTERVAL = timedelta(seconds=env.int("OFFER_WAVE_INTERVAL", 30))
ALLOW_FAKE_DATA = env.bool("ALLOW_FAKE_DATA", DEBUG)
VEHICLE_SILENT_AFTER = timedelta(seconds=env.int("VEHICLE_SILENT_AFTER", 900))
ETA_ROAD_FACTOR = env.float("ETA_ROAD_FACTOR", 1.3)
ETA_MEAN_SPEED_KMH = env.float("ETA_MEAN_SPEED_KMH", 40.0)
ETA_SERVICE_TIME = timedelta(seconds=env.int("ETA_SERVICE_TIME", 900))
PLAN_LONGEST_DAY = timedelta(seconds=env.int("PLAN_LONGEST_DAY", 36_000))
if not timedelta(hours=1) <= PLAN_LONGEST_DAY <= timedelta(days=1):
    raise ImproperlyConfigured("PLAN_LONGEST_DAY is 3600 to 86400 seconds.")
ETA_MAX_FIX_AGE = timedelta(seconds=env.int("ETA_MAX_FIX_AGE", 300))
# Minutes after the due time: a stop that will be reached so late is said once at each.
RUNNING_LATE_AFTER = sorted(env.list("RUNNING_LATE_AFTER", cast=int, default=[15, 30, 60]))
if not all(1 <= minutes <= 1440 for minutes in RUNNING_LATE_AFTER):
    raise ImproperlyConfigured("RUNNING_LATE_AFTER names minutes from 1 to 1440, e.g. 15,30,60.")
if not (1 <= ETA_ROAD_FACTOR <= 10 and 1 <= ETA_MEAN_SPEED_KMH <= 200 and timedelta() <= ETA_SERVICE_TIME <= timedelta(days=1)):
    raise ImproperlyConfigured("ETA_ROAD_FACTOR is 1 to 10, ETA_MEAN_SPEED_KMH 1 to 200, ETA_SERVICE_TIME at most a day.")

# --- Retention: days that rows are kept; 0 keeps them for ever -------------------------------------------------------------------
RETENTION_DAYS = {
    "positions": env.int("RETENTION_POSITIONS_DAYS", 365),
    "chat": env.int("RETENTION_CHAT_DAYS", 365),
    "proofs": env.int("RETENTION_PROOFS_DAYS", 730),
    "codes": env.int("RETENTION_CODES_DAYS", 7),
    "tokens": env.int("RETENTION_TOKENS_DAYS", 1),
    "idempotency": env.int("RETENTION_IDEMPOTENCY_DAYS", 3),
    "tasks": env.int("RETENTION_TASKS_DAYS", 14),
    "imports": env.int("RETENTION_IMPORTS_DAYS", 3),
    "audit": env.int("RETENTION_AUDIT_DAYS", 730),
    "history": env.int("RETENTION_HISTORY_DAYS", 730),
}
# When a process that runs tasks removes what is past them, in DISPLAY_TIME_ZONE; `off` leaves it to `manage.py prune`.
_prune_at = env.str("PRUNE_AT", "03:00")
try:
    PRUNE_AT = None if _prune_at.lower() in {"", "off"} else time.fromisoformat(_prune_at)
except ValueError:
    raise ImproperlyConfigured("PRUNE_AT must be a time of day like 03:00, or off.") from None
# /metrics does not exist without it.
METRICS_TOKEN = env.str("METRICS_TOKEN", "")

# --- The API ------------------------------------------------------------------------------------------------------------------------
DATA_UPLOAD_MAX_MEMORY_SIZE = int(2.5 * 1024 * 1024)
# A form with files: a sheet of 10 MB is the biggest, and what else the form says.
UPLOAD_MAX_BYTES = 11 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = DATA_UPLOAD_MAX_MEMORY_SIZE
PHOTO_MAX_BYTES = 5 * 1024 * 1024
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.BearerAuthentication",
        "accounts.authentication.FleetTokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["depannini_dashmap.lib.api.renderers.JsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["depannini_dashmap.lib.api.parsers.JsonParser"],
    "DEFAULT_PAGINATION_CLASS": "depannini_dashmap.lib.api.cursor_pagination.CursorPages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "depannini_dashmap.lib.api.renderers.AlwaysJson",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["accounts.limits.throttles.SignedInThrottle"],
    "DEFAULT_THROTTLE_RATES": {},
    "EXCEPTION_HANDLER": "depannini_dashmap.lib.api.exception_handler.exception_handler",
    "NUM_PROXIES": NUM_PROXIES,
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Depannini DashMap",
    "DESCRIPTION": "Roadside assistance (Depannini) and fleet dispatch (DashMap): one API.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": r"/api/",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "depannini_dashmap.lib.api.schema.merge_equal_choices",
        "depannini_dashmap.lib.api.schema.let_bodies_fit_several",
        "depannini_dashmap.lib.api.schema.let_absent_mean_absent",
        "depannini_dashmap.lib.api.schema.let_texts_be_empty",
        "depannini_dashmap.lib.api.schema.let_fields_be_absent",
        "depannini_dashmap.lib.api.schema.add_refusals",
        "depannini_dashmap.lib.api.operation_texts.let_puts_be_partial",
        "depannini_dashmap.lib.api.operation_texts.describe_operations",
    ],
    "ENUM_NAME_OVERRIDES": {
        "ServiceType": "assistance.models.ServiceType",
        "AssistanceStatus": "assistance.lifecycle.STATES",
        "OrderStatus": "orders.models.Order.Status",
        "TripStatus": "trips.models.Trip.Status",
        "MemberRole": "accounts.models.Membership.Role",
        "LicenceCategory": "assistance.models.AssistantProfile.LicenceCategory",
        "GoodsType": "orders.models.Order.GoodsType",
        "RoadSource": "trips.plan_serializers.SOURCES",
        "InvitedRole": "accounts.models.Membership.INVITED",
        "DriverLanguageEnum": LANGUAGES,
        "LinkChannel": "orders.models.OrderLink.Channel",
        "KindEnum": ["pickup", "delivery", "break"],
        "PushKind": "accounts.models.PushDevice.Kind",
    },
}

# --- Browsers and transport ----------------------------------------------------------------------------------------------------------
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_ALLOW_LOCALHOST = env.bool("CORS_ALLOW_LOCALHOST", DEBUG)
if CORS_ALLOW_LOCALHOST:
    CORS_ALLOWED_ORIGIN_REGEXES = [r"^https?://(localhost|127\.0\.0\.1)(:\d+)?$"]
CORS_URLS_REGEX = r"^/api/.*$"
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "idempotency-key", "x-request-id"]
CORS_EXPOSE_HEADERS = ["x-request-id", "retry-after", "idempotent-replayed"]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
# Tile servers ask for a Referer.
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SESSION_ENGINE = "accounts.console_sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
if HTTPS:
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz/?$", r"^readyz/?$", r"^metrics/?$"]
    SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", 31536000)
    # Both bind more than this host, and browsers forget neither for long: to be switched on knowingly.
    SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("HSTS_INCLUDE_SUBDOMAINS", False)
    SECURE_HSTS_PRELOAD = env.bool("HSTS_PRELOAD", False)
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# --- Logs -------------------------------------------------------------------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", "INFO")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"redact": {"()": "depannini_dashmap.lib.ops.logs.RedactingFilter"}},
    "formatters": {"json": {"()": "depannini_dashmap.lib.ops.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["redact"]}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "depannini_dashmap": {"level": LOG_LEVEL},
        "accounts": {"level": LOG_LEVEL},
        "assistance": {"level": LOG_LEVEL},
        "trips": {"level": LOG_LEVEL},
        "telematics": {"level": LOG_LEVEL},
        "alarms": {"level": LOG_LEVEL},
        "axes": {"level": "ERROR"},
        "django.request": {"level": "ERROR"},
        "django.server": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "daphne": {"level": "WARNING"},
        "django.channels.server": {"level": "WARNING"},
    },
}
