"""What crosses the air and the wire: card codes, trust and deny lists, taps, signed requests.

Pure formats shared by the phone, the terminal, the gateway and the card centre; no I/O, no clock, no framework.
"""
