"""What the directory of a chat service says: who left is blocked at once, who came or changed is looked up."""

from __future__ import annotations

from bot.inspection.people.reconciling import ask_for_units
from bot.inspection.people.syncing import leave, rename, sync
from bot.messaging.directories import entry_of
from bot.messaging.router import Context, Reply, Router
from bot.platforms.directory import Directory

router = Router()
LEAVING = ("user_leave_org", "delete_user")
OF_UNITS = (
    "create_party",
    "update_party",
    "delete_party",
    "org_dept_create",
    "org_dept_modify",
    "org_dept_remove",
)
MOST = 100  # people of one event that are looked up; the nightly comparison finds the rest


@router.other("contact")
async def changed(ctx: Context) -> Reply:
    """Events come twice and in any order, so they are hints: the directory itself is asked."""
    raw, platform, now = ctx.event.raw, ctx.event.platform, ctx.clock.now()
    user_ids = [str(one) for one in raw.get("user_ids", ())][:MOST]
    if raw.get("new_user_id") and user_ids:
        new = str(raw["new_user_id"])
        await ctx.db.write(rename, platform=platform, old=user_ids[0], new=new, now=now)
        user_ids = [new]
    if raw.get("type") in OF_UNITS:
        await ctx.db.write(ask_for_units, platform=platform, now=now)
    elif raw.get("type") in LEAVING:
        await ctx.db.write(leave, platform=platform, user_ids=user_ids, now=now)
    elif user_ids and isinstance(ctx.platform, Directory):
        found = [await ctx.platform.member(user_id) for user_id in user_ids]
        entries = [entry_of(one) for one in found if one is not None]
        gone = [user_id for user_id, one in zip(user_ids, found, strict=True) if one is None]
        await ctx.db.write(sync, platform=platform, entries=entries, now=now, whole=False)
        await ctx.db.write(leave, platform=platform, user_ids=gone, now=now)
    return Reply()
