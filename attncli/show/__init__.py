"""The vocabulary of the screen: lines, numbers, tables, heat, progress. It knows no feature, no problem and no file."""
