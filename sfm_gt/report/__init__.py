"""what people look at: tables, pictures, plots and the HTML page."""
