"""Labels: ratings under a guide, how far raters agree, what is disputed, and labelled dataset versions."""
