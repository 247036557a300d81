"""The page's sections: each a pure function from the report's data to markup."""
