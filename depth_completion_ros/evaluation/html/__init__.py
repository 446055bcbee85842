"""Reports as one HTML file that needs nothing but a browser: tables, charts and images are inside."""
