"""Controls connect a panel of the window to what is open; each knows its panel and the desk, and no other control."""
