"""How a device is called on its holder's lists: by system and browser, never by what could tell two phones apart.

Pure. Source: the tokens browsers put into ``User-Agent`` (RFC 9110, section 10.1.5); which ones matter is an assumption.
"""

_SYSTEMS = (
    ("HarmonyOS", "HarmonyOS"),
    ("OpenHarmony", "HarmonyOS"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
)
_BROWSERS = (
    ("MicroMessenger", "微信"),
    ("AlipayClient", "支付宝"),
    ("Edg", "Edge"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)


def device_label(user_agent: str) -> str:
    """``Android · Chrome``; empty when neither system nor browser is known. At most 30 characters."""
    found = (next((name for token, name in table if token in user_agent), "") for table in (_SYSTEMS, _BROWSERS))
    return " · ".join(filter(None, found))
