"""The Teams app package: manifest, icons, and how they become a .zip that Teams takes."""
