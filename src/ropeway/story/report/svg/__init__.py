"""Pictures as text: small pure functions from figures to inline SVG. They know no event and no page.

Colours and fonts are the page's: elements carry classes alone, so that light, dark and paper are one picture.
"""
