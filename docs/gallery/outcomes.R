# What the runs decided of each service: well, blocked, down, or left open. (R)
# Rscript outcomes.R RESULTS FIGURE.svg

given <- commandArgs(trailingOnly = TRUE)
files <- Sys.glob(file.path(given[1], "verdicts", "date=*", "*.csv"))
verdicts <- do.call(rbind, lapply(files, read.csv, colClasses = "character"))
colours <- c(ok = "#3d7a53", blocked = "#b3402e", down = "#c99a2e", inconclusive = "#8a8f98", network = "#4a5a78")
kept <- subset(verdicts, outcome %in% names(colours))
shares <- prop.table(table(factor(kept$outcome, names(colours)), kept$service), 2)

svg(given[2], width = 8, height = 2 + 0.25 * ncol(shares))
par(mar = c(4, 8, 4, 1), las = 1, xpd = TRUE)
barplot(shares, horiz = TRUE, col = colours, border = NA, xlab = "share of verdicts", main = "Outcomes by service")
legend("top", names(colours), fill = colours, border = NA, bty = "n", horiz = TRUE, inset = c(0, -0.16), cex = 0.8)
invisible(dev.off())
