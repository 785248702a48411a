"""The card reader under the names that hospitals' and halls' software calls: iReadCardBas and its family."""
