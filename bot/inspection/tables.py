"""Every table of the domain, for migrations and tests: import this to have them all registered."""

from sqlmodel import SQLModel

from bot.inspection.audit import models as _audit  # noqa: F401
from bot.inspection.calendar import models as _calendar  # noqa: F401
from bot.inspection.checklists import models as _checklists  # noqa: F401
from bot.inspection.commissions import models as _commissions  # noqa: F401
from bot.inspection.deadlines import models as _deadlines  # noqa: F401
from bot.inspection.draws import models as _draws  # noqa: F401
from bot.inspection.followups import models as _followups  # noqa: F401
from bot.inspection.followups import return_models as _returns  # noqa: F401
from bot.inspection.metrics import models as _metrics  # noqa: F401
from bot.inspection.notices import bot_calls as _bot_calls  # noqa: F401
from bot.inspection.notices import group_posts as _group_posts  # noqa: F401
from bot.inspection.notices import ledger as _ledger  # noqa: F401
from bot.inspection.notices import models as _notices  # noqa: F401
from bot.inspection.notices import replays as _replays  # noqa: F401
from bot.inspection.notices import tokens as _tokens  # noqa: F401
from bot.inspection.people import models as _people  # noqa: F401
from bot.inspection.plans import models as _plans  # noqa: F401
from bot.inspection.publication import models as _publication  # noqa: F401
from bot.inspection.registry import models as _registry  # noqa: F401
from bot.inspection.results import models as _results  # noqa: F401
from bot.inspection.tasks import models as _tasks  # noqa: F401

METADATA = SQLModel.metadata
