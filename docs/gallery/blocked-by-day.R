# The share of decided verdicts that found an endpoint blocked, day by day, with their number. (R)
# Rscript blocked-by-day.R RESULTS FIGURE.svg

given <- commandArgs(trailingOnly = TRUE)
files <- Sys.glob(file.path(given[1], "verdicts", "date=*", "*.csv"))
verdicts <- do.call(rbind, lapply(files, read.csv, colClasses = "character"))
decided <- subset(verdicts, outcome %in% c("ok", "blocked"))
counts <- table(substr(decided$measurement_start_time, 1, 10), factor(decided$outcome, c("ok", "blocked")))
shares <- counts[, "blocked"] / rowSums(counts)
when <- as.Date(rownames(counts))

svg(given[2], width = 8, height = 4)
plot(when, shares, type = "o", pch = 16, col = "#b3402e", ylim = c(0, 1.15 * max(shares)), xlab = "day (UTC)",
     ylab = "share of decided verdicts", main = "Blocked endpoints by day", las = 1, bty = "l")
text(when, shares, rowSums(counts), pos = 3, cex = 0.5, col = "#4a5a78")
invisible(dev.off())
