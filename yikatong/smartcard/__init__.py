"""The chip card down to its bytes: what a reader sends, what the card answers, and an emulated card that does so.

Pure Python over ``gm``: no database, no Django. A terminal, the personalisation and the tests share these modules.
"""
