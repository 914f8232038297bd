"""Pure algorithms on text: no Beam, no clock, no network. Every step is a thin wire around functions from here."""
