"""国密: SM2, SM3, SM4, certificates and the key store; everything above signs and seals through here."""
