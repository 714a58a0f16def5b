# How a service was blocked: the causes that verdicts name, and how often. (R)
# Rscript causes.R RESULTS FIGURE.svg

given <- commandArgs(trailingOnly = TRUE)
files <- Sys.glob(file.path(given[1], "verdicts", "date=*", "*.csv"))
verdicts <- do.call(rbind, lapply(files, read.csv, colClasses = "character"))
blocked <- subset(verdicts, outcome == "blocked")
counts <- sort(table(paste(blocked$service, blocked$block_type, sep = ": ")))

svg(given[2], width = 8, height = 1.6 + 0.28 * length(counts))
par(mar = c(4, 16, 2, 1), las = 1)
barplot(counts, horiz = TRUE, col = "#b3402e", border = NA, xlab = "verdicts", main = "Causes of blocked endpoints")
invisible(dev.off())
