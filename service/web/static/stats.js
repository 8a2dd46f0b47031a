export const statsSections = () => null;
