"""Whatever is declared once is known everywhere: options, arrays, score functions, stages and commands."""
