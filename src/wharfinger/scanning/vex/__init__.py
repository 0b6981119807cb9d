"""What somebody says of vulnerabilities in packages: OpenVEX, CSAF and CycloneDX, read and applied. Pure."""
