// Parts of uPlot that the page uses: small, fast charts on a canvas.
import "uplot/dist/uPlot.min.css";
export { default } from "uplot";
