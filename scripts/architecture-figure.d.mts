export function architectureFigure(): string;
