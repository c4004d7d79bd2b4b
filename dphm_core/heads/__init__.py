"""The parametric head model: anchors, identity field, expression field, checkpoints."""
