// What the page uses of uPlot: small, fast charts on a canvas.
import "uplot/dist/uPlot.min.css";
export { default } from "uplot";
