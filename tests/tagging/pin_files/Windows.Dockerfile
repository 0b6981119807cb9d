# escape=`
FROM mcr.microsoft.com/windows/nanoserver:ltsc2022 AS base
RUN dir C:\
COPY --from=base `
  C:\a C:\b
FROM "mcr.microsoft.com/powershell"
