"""One file for each check of the gate: a function `check(exam) -> GateCheck`, listed in `gate.run_checks`.

A check reads the exam and nothing else, says what it found in one sentence with the figures in it, and names
why it refused by a code that is stable for ever:

bar         no-bar · under-the-bar
champion    not-better · not-comparable · rows-not-held-out
agreement   raters-disagree · agreement-unknown · labels-missing
contract    contract-broken
skew        skewed · request-refused
signature   signature-changed
"""
